import { describe, expect, test } from 'bun:test'

import { FrameEvent, FrameReader } from '../frames/frame-reader.ts'
import { SettingId } from '../frames/setting.ts'
import type { SessionOptions } from './session.ts'
import { get, post, RawPeer, Recorder, takeOutput } from './session-recorder.fixture.ts'
import type { Http2Stream } from './stream.ts'

const ok: readonly (readonly [string, string])[] = [[':status', '200']]
const wide = { settings: [{ id: SettingId.initialWindowSize, value: 1_000_000 }] }

/** A server session with streams that were answered by heads, and windows that hold everything. */
function answered(count: number): { peer: RawPeer; streams: readonly Http2Stream[] } {
  const peer = new RawPeer('server', wide)
  peer.frames.windowUpdate(0, 10_000_000)
  for (let index = 0; index < count; index += 1) peer.headers(2 * index + 1, post, false)
  peer.send()
  for (const stream of peer.recorder.streams) peer.recorder.head(stream, ok)
  peer.answers()
  peer.recorder.take()
  return { peer, streams: peer.recorder.streams }
}

function first(streams: readonly Http2Stream[]): Http2Stream {
  const [stream] = streams
  if (stream === undefined) throw new Error('No stream')
  return stream
}

describe('sendData()', () => {
  test('tells onWritable once all has gone, when the output was full first and the socket then', () => {
    const { peer, streams } = answered(1)
    const stream = first(streams)
    const { session, recorder } = peer
    expect(session.sendData(stream, Buffer.alloc(70_000), 0, 70_000, false)).toBe(false)
    session.setWritable(false)
    expect(session.sendData(stream, Buffer.alloc(20_000), 0, 20_000, false)).toBe(false)
    takeOutput(session)
    expect([recorder.take(), stream.waiting]).toEqual([[], 20_000])
    session.setWritable(true)
    expect([recorder.take(), stream.waiting]).toEqual([['1 writable'], 0])
    expect(peer.answers()).toEqual(['1 data 16384', '1 data 3616'])
  })

  test('starves no stream that waits while another fills the output again and again', () => {
    const { peer, streams } = answered(2)
    const [greedy, patient] = streams
    if (greedy === undefined || patient === undefined) throw new Error('No stream')
    const { session, recorder } = peer
    const bytes = Buffer.alloc(70_000)
    recorder.before = (event, stream) => {
      if (event.endsWith('writable') && stream === greedy) session.sendData(greedy, bytes, 0, bytes.length, false)
    }
    session.sendData(greedy, bytes, 0, bytes.length, false)
    session.setWritable(false)
    session.sendData(patient, bytes, 0, 30_000, false)
    session.setWritable(true)
    for (let turn = 0; turn < 6 && patient.waiting > 0; turn += 1) takeOutput(session)
    expect(patient.waiting).toBe(0)
  })

  test('tells a stream that filled the output before another has sent all that waits', () => {
    const { peer, streams } = answered(2)
    const [huge, small] = streams
    if (huge === undefined || small === undefined) throw new Error('No stream')
    const { session, recorder } = peer
    session.setWritable(false)
    session.sendData(huge, Buffer.alloc(900_000), 0, 900_000, false)
    session.setWritable(true)
    expect(session.sendData(small, Buffer.alloc(10), 0, 10, false)).toBe(false)
    takeOutput(session)
    expect([recorder.take(), huge.waiting > 700_000]).toEqual([['3 writable'], true])
  })

  test('what waits grows and shrinks in any order', () => {
    const { peer, streams } = answered(1)
    const stream = first(streams)
    const { session } = peer
    const source = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251))
    let sent = 0
    const got: Buffer[] = []
    for (let turn = 0; sent < source.length; turn += 1) {
      const end = Math.min(source.length, sent + 1 + ((turn * 977) % 5000))
      session.setWritable(turn % 3 === 2)
      session.sendData(stream, source, sent, end, end === source.length)
      sent = end
      const bytes = takeOutput(session)
      for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
        got.push(bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3)))
      }
    }
    session.setWritable(true)
    const bytes = takeOutput(session)
    for (let at = 0; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
      got.push(bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3)))
    }
    expect(Buffer.concat(got).equals(source)).toBe(true)
    expect(stream.localEnded).toBe(true)
  })

  test('keeps nothing of a stream that is reset while it waits', () => {
    const { peer, streams } = answered(2)
    const [one, other] = streams
    if (one === undefined || other === undefined) throw new Error('No stream')
    const { session, recorder } = peer
    session.setWritable(false)
    session.sendData(one, Buffer.alloc(30_000), 0, 30_000, false)
    session.sendTrailers(one, ['x'], ['y'])
    session.sendData(other, Buffer.alloc(10), 0, 10, false)
    session.reset(one, 8)
    expect([one.waiting, one.kept.length, one.list, one.owner, one.trailerNames]).toEqual([
      0,
      0,
      undefined,
      undefined,
      undefined,
    ])
    session.setWritable(true)
    expect(peer.answers()).toEqual(['1 rst 8', '3 data 10'])
    expect(recorder.take()).toEqual(['3 writable'])
  })
})

test('consume() of a stream whose peer has ended sends nothing for it', () => {
  const peer = new RawPeer('server')
  peer.recorder.consumes = false
  peer.headers(1, post, false)
  for (let part = 0; part < 4; part += 1) peer.data(1, 'x'.repeat(15_000), part === 3)
  peer.send()
  peer.session.consume(first(peer.recorder.streams), 60_000)
  expect(peer.answers()).toEqual([])
})

test('DATA that is refused gives its octets back to the connection', () => {
  const peer = new RawPeer('server', { limits: { connectionWindowBytes: 65_535 } })
  for (let index = 0; index < 20; index += 1) peer.headers(2 * index + 1).data(2 * index + 1, 'x'.repeat(16_000))
  expect(peer.answers().filter((line) => !line.endsWith(' rst 5'))).toEqual(
    Array.from({ length: 6 }, () => '0 window 48000'),
  )
  expect(peer.session.failed).toBe(false)
})

test('an owner that resets a stream in onStream is told nothing of it', () => {
  const peer = new RawPeer('server')
  const { recorder, session } = peer
  const take = recorder.streams
  take.push = (stream) => {
    session.reset(stream, 7)
    return 0
  }
  peer.headers(1, post, false).data(1, 'x')
  expect(peer.answers()).toEqual(['1 rst 7'])
  expect(recorder.take()).toEqual(['idle'])
})

describe('settings', () => {
  test('of a table are obeyed both ways, ours from their acknowledgement on', () => {
    const peer = new RawPeer('server', { hpack: { tableBytes: 0 }, acknowledge: false })
    peer.headers(1, [...get, ['x-a', 'b']])
    expect(peer.answers()).toEqual([])
    peer.frames.settingsAck()
    peer.headers(3)
    expect(peer.answers()).toEqual(['goaway 1 9'])
    const client = new RawPeer('client', { settings: [{ id: SettingId.headerTableSize, value: 0 }] })
    client.recorder.request()
    const bytes = takeOutput(client.session)
    expect(bytes[9]).toBe(0x20)
  })

  test('of a frame size let longer heads go in one frame, and others are continued', () => {
    const long = 'x'.repeat(20_000)
    for (const [settings, type] of [
      [[], 9],
      [[{ id: SettingId.maxFrameSize, value: 32_768 }], undefined],
    ] as const) {
      const peer = new RawPeer('client', { settings })
      peer.recorder.request([...get, ['x-long', long]])
      const bytes = takeOutput(peer.session)
      const next = 9 + bytes.readUIntBE(0, 3)
      expect(bytes[next + 3]).toBe(type as number)
    }
  })

  test('tell extended CONNECT when it is allowed', () => {
    const peer = new RawPeer('server', { connectProtocol: true })
    peer.headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get.slice(1)], false).data(1, 'x')
    expect(peer.answers()).toEqual([])
    expect(peer.recorder.take()).toEqual([
      '1 head :method=CONNECT :protocol=websocket :scheme=http :authority=a :path=/',
    ])
    peer.headers(1, [['x', 'y']])
    expect(peer.answers()).toEqual(['1 rst 1'])
    const refusing = new RawPeer('server')
    refusing.headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get.slice(1)], false)
    expect(refusing.answers()).toEqual(['1 rst 1'])
  })
})

test('a response to CONNECT has no length, whatever it says', () => {
  const peer = new RawPeer('client')
  const stream = peer.recorder.request(
    [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
    ],
    false,
  )
  stream.connectRequest = true
  peer
    .headers(1, [...ok, ['content-length', '1']], false)
    .data(1, 'abc')
    .data(1, 'd', true)
    .send()
  expect(peer.recorder.bodies.get(1)).toBe('abcd')
})

test('small frames are counted anew once all was consumed', () => {
  const peer = new RawPeer('server', { limits: { smallDataFrames: 100 } })
  peer.recorder.consumes = false
  peer.headers(1, post, false).data(1, 'x'.repeat(16_000)).send()
  peer.session.consume(first(peer.recorder.streams), 16_000)
  for (let count = 0; count < 101; count += 1) peer.data(1, 'x')
  expect(peer.answers()).toEqual(['goaway 1 11'])
})

test('capacity is 0 while so much waits for the socket that more would overflow', () => {
  const peer = new RawPeer('client', { limits: { outputOverflowBytes: 20_000, maxConcurrentStreams: 1000 } })
  const { session, recorder } = peer
  let told = 0
  while (session.capacity > 0)
    recorder.request([...get, ['x-a', 'b'.repeat(1000)], ['authorization', 'c'.repeat(1000)]])
  expect(session.outputLength).toBeLessThan(20_000)
  recorder.before = () => void (told += 1)
  takeOutput(session)
  expect([told, session.capacity > 0]).toEqual([1, true])
})

test('streams above the last of a GOAWAY are ignored, not without end', () => {
  const peer = new RawPeer('server')
  peer.session.goaway(0)
  let count = 0
  for (; !peer.session.failed && count < 2000; count += 1) peer.headers(2 * count + 1).send()
  expect([count, peer.recorder.take()]).toEqual([1001, ['failure 11 inbound_glitches_flood']])
})

test('sendData() before the head is a fault of the caller', () => {
  const peer = new RawPeer('server')
  peer.headers(1).send()
  expect(() => peer.session.sendData(first(peer.recorder.streams), Buffer.alloc(1), 0, 1, false)).toThrow()
})

test('an owner may write to the socket in onOutput: sendData() then answers for what is left', () => {
  const { peer, streams } = answered(2)
  const [one, other] = streams
  if (one === undefined || other === undefined) throw new Error('No stream')
  const { session, recorder } = peer
  let octets = 0
  recorder.output = () => {
    octets += session.outputLength
    session.clearOutput()
  }
  expect(session.sendData(one, Buffer.alloc(200_000), 0, 200_000, false)).toBe(true)
  expect([octets, recorder.take()]).toEqual([200_000 + 13 * 9, []])
  recorder.output = () => session.reset(other, 8)
  expect(session.sendData(other, Buffer.alloc(2_000_000), 0, 2_000_000, false)).toBe(true)
  expect([other.closed, other.waiting, other.list]).toEqual([true, 0, undefined])
})

test('GOAWAY never takes back more than it gave', () => {
  const peer = new RawPeer('server')
  peer.headers(1, post, false).headers(3, post, false).send()
  peer.session.goaway(0, 1)
  peer.session.drain()
  peer.session.goaway(0)
  peer.raw(5, 0, 1)
  expect(peer.answers()).toEqual(['goaway 1 0', 'goaway 1 0', 'goaway 1 0', 'goaway 1 1'])
})

test('empty DATA is sent to end a stream only, and then whatever the socket takes', () => {
  const { peer, streams } = answered(1)
  const stream = first(streams)
  peer.session.setWritable(false)
  expect(peer.session.sendData(stream, Buffer.alloc(0), 0, 0, false)).toBe(true)
  expect(peer.session.outputLength).toBe(0)
  expect(peer.session.sendData(stream, Buffer.alloc(0), 0, 0, true)).toBe(true)
  expect(peer.answers()).toEqual(['1 data 0 end'])
})

test('sendTrailers() keeps the mark of fields that are never to be indexed', () => {
  const { peer, streams } = answered(2)
  const [one, other] = streams
  if (one === undefined || other === undefined) throw new Error('No stream')
  for (const stream of [one, other]) peer.session.sendTrailers(stream, ['x-key', 'x-sum'], ['k', 's'], ['x-key'])
  const bytes = takeOutput(peer.session)
  const second = 9 + bytes.readUIntBE(0, 3)
  expect(bytes[9]).toBe(0x10)
  expect(bytes[second + 9]).toBe(0x10)
  // The other one is in the table by now: one octet.
  expect(bytes[bytes.length - 1]).toBe(0xbe)
})

test('start() tells the settings of each side', () => {
  const settings = (role: 'client' | 'server', options: Partial<SessionOptions> = {}): readonly string[] => {
    const recorder = new Recorder(role, options)
    recorder.session.start()
    const reader = new FrameReader(role === 'client' ? 'server' : 'client')
    const bytes = takeOutput(recorder.session)
    expect(reader.next(bytes)).toBe(FrameEvent.settings)
    const told = reader.settings.map(({ id, value }) => `${id}=${value}`)
    expect(reader.next(bytes, reader.position)).toBe(FrameEvent.windowUpdate)
    return [...told, `window ${reader.increment}`]
  }
  expect(settings('client')).toEqual(['4=65536', '6=61440', '2=0', 'window 983041'])
  expect(settings('server')).toEqual(['4=65536', '6=61440', '3=100', 'window 983041'])
  const options = { connectProtocol: true, hpack: { tableBytes: 0 }, frames: { frameBytes: 20_000 } }
  expect(settings('server', options)).toEqual(['4=65536', '6=61440', '1=0', '5=20000', '3=100', '8=1', 'window 983041'])
})
