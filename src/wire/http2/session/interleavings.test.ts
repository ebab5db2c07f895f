import { expect, test } from 'bun:test'

import { array, assert, nat, property, tuple } from 'fast-check'

import type { Http2Session } from './session.ts'
import { get, pair, post, RawPeer, type Recorder, takeOutput } from './session-recorder.fixture.ts'
import type { Http2Stream } from './stream.ts'

/** Frames of everything that a server may be sent, with faults of streams among them. */
function conversation(peer: RawPeer): Buffer {
  peer.headers(1).headers(3, [...post, ['content-length', '5']], false)
  peer.data(3, 'ab').headers(5, [...get, ['x-long', 'y'.repeat(300)]])
  peer.frames.ping(Buffer.from('12345678'))
  peer.frames.windowUpdate(0, 1000)
  peer.data(3, 'cde').headers(3, [['x-sum', '1']])
  peer.headers(7, [[':method', 'GET']])
  peer.headers(9, post, false).data(9, 'x'.repeat(500))
  peer.frames.rstStream(9, 8)
  peer.headers(11, [...get, ['x-longer', 'z'.repeat(40_000)]])
  peer.frames.settings([{ id: 4, value: 100 }])
  peer.frames.windowUpdate(1, 5)
  peer.data(5, 'x')
  peer.headers(13, post, false).data(13, 'end', true)
  peer.frames.goaway(0, 0)
  return Buffer.from(peer.frames.bytes.subarray(0, peer.frames.length))
}

function answered(cuts: readonly number[]): { log: string[]; answers: string } {
  const peer = new RawPeer('server')
  const bytes = conversation(peer)
  peer.frames.reset()
  let position = 0
  for (const cut of [...cuts, bytes.length]) {
    // Each piece in memory of its own, which is overwritten after the call, as a socket may do.
    const piece = Buffer.from(bytes.subarray(position, cut))
    peer.session.receive(piece, 0, piece.length)
    piece.fill(0xee)
    position = cut
  }
  return { log: peer.recorder.take(), answers: takeOutput(peer.session).toString('hex') }
}

test('receive() gives the same events and answers wherever octets are cut', () => {
  const length = conversation(new RawPeer('server')).length
  const whole = answered([])
  expect(whole.log.length).toBeGreaterThan(10)
  for (let cut = 1; cut < length; cut += cut < 1500 || cut > length - 200 ? 1 : 997) {
    expect(answered([cut])).toEqual(whole)
  }
  expect(answered(Array.from({ length: length - 1 }, (_, index) => index + 1))).toEqual(whole)
})

/** What a side may do next: kind, which stream, how much. */
type Step = readonly [kind: number, pick: number, amount: number]

const steps = array(tuple(nat(11), nat(20), nat(40_000)), { minLength: 20, maxLength: 120 })

class Side {
  readonly recorder: Recorder
  /** Streams that this side may still send on. */
  readonly streams: Http2Stream[] = []
  /** Octets that were sent on a stream, and those that came. */
  readonly sent = new Map<number, number>()
  readonly ended = new Set<number>()
  readonly gone = new Set<number>()

  constructor(recorder: Recorder) {
    this.recorder = recorder
    recorder.before = (event, stream) => {
      if (stream === undefined) return
      if (this.gone.has(stream.id)) throw new Error(`${event} after the end of the stream`)
      if (/ reset /.test(event)) this.gone.add(stream.id)
    }
  }

  pick(index: number): Http2Stream | undefined {
    return this.streams[index % Math.max(1, this.streams.length)]
  }
}

function send(side: Side, [kind, pick, amount]: Step): void {
  const { session } = side.recorder
  const stream = side.pick(pick)
  if (stream === undefined || stream.closed || side.ended.has(stream.id)) return
  if (kind === 4) {
    session.reset(stream, 8)
    side.gone.add(stream.id)
  } else if (kind === 5) {
    session.sendTrailers(stream, ['x-sum'], [String(amount)])
    side.ended.add(stream.id)
  } else {
    const end = kind === 6
    session.sendData(stream, Buffer.alloc(amount, 'd'), 0, amount, end)
    side.sent.set(stream.id, (side.sent.get(stream.id) ?? 0) + amount)
    if (end) side.ended.add(stream.id)
  }
}

function carry(from: Http2Session, to: Http2Session, octets: number): void {
  const bytes = takeOutput(from)
  for (let position = 0; position < bytes.length; position += octets) {
    to.receive(bytes, position, Math.min(bytes.length, position + octets))
  }
}

function act(client: Side, server: Side, step: Step): void {
  const [kind, pick, amount] = step
  const side = pick % 2 === 0 ? client : server
  switch (kind) {
    case 0:
    case 1:
      if (client.recorder.session.capacity > 0) client.streams.push(client.recorder.request(post, false))
      break
    case 2:
      for (const stream of server.recorder.streams.splice(0)) {
        if (stream.closed) continue
        server.recorder.head(stream, [[':status', '200']])
        server.streams.push(stream)
      }
      break
    case 3:
      side.recorder.session.setWritable(amount % 2 === 0)
      break
    case 10:
      carry(client.recorder.session, server.recorder.session, 1 + amount)
      break
    case 11:
      carry(server.recorder.session, client.recorder.session, 1 + amount)
      break
    default:
      send(side, step)
  }
}

test('any interleaving ends with every octet delivered, nothing told after a reset, and no state left', () => {
  assert(
    property(steps, (script) => {
      const {
        client: left,
        server: right,
        exchange,
      } = pair({
        server: { limits: { streamWindowBytes: 20_000, connectionWindowBytes: 65_535, resetBurst: 1000 } },
        client: { limits: { streamWindowBytes: 7000, connectionWindowBytes: 65_535 } },
      })
      const client = new Side(left)
      const server = new Side(right)
      for (const step of script) act(client, server, step)
      left.session.setWritable(true)
      right.session.setWritable(true)
      exchange()
      act(client, server, [2, 0, 0])
      for (const side of [client, server])
        for (let index = 0; index < side.streams.length; index += 1) send(side, [6, index, 1])
      exchange()
      expect([left.log, right.log].flat().filter((line) => line.startsWith('failure'))).toEqual([])
      for (const [from, to] of [[client, server] as const, [server, client] as const]) {
        for (const [id, octets] of from.sent) {
          if (client.gone.has(id) || server.gone.has(id)) continue
          expect(to.recorder.bodies.get(id)?.length ?? 0).toBe(octets)
        }
      }
      expect([left.session.activeStreams, right.session.activeStreams]).toEqual([0, 0])
    }),
    { numRuns: 150, seed: 7 },
  )
})
