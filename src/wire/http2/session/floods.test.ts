import { describe, expect, test } from 'bun:test'

import { get, post, RawPeer } from './session-recorder.fixture.ts'

const calm = 11

function failureOf(peer: RawPeer): string | undefined {
  return peer.recorder.log.find((line) => line.startsWith('failure'))
}

/** Sends one and the same thing until the session gives up; how often that was. */
function flood(peer: RawPeer, most: number, act: (count: number) => unknown): number {
  let count = 0
  while (!peer.session.failed && count < most) {
    act(count)
    peer.send()
    count += 1
  }
  return count
}

describe('a flood of', () => {
  test('PING whose answers are not read', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 2000, () => peer.frames.ping(Buffer.alloc(8)))
    expect([count, failureOf(peer)]).toEqual([1001, `failure ${calm} outbound_control_flood`])
    expect(peer.session.output.length).toBeLessThan(65_536)
  })

  test('PING whose answers are read is none', () => {
    const peer = new RawPeer('server')
    expect(flood(peer, 3000, () => (peer.frames.ping(Buffer.alloc(8)), peer.answers()))).toBe(3000)
    expect(failureOf(peer)).toBeUndefined()
  })

  test('SETTINGS', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 200, () => (peer.frames.settings([{ id: 4, value: 7 }]), peer.answers()))
    expect([count, failureOf(peer)]).toEqual([32, `failure ${calm} inbound_settings_flood`])
  })

  test('SETTINGS now and then is none', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 500, () => {
      peer.recorder.time += 1000
      peer.frames.settings([])
      peer.answers()
    })
    expect(count).toBe(500)
  })

  test('parameters in one SETTINGS', () => {
    const peer = new RawPeer('server')
    peer.frames.settings(Array.from({ length: 2400 }, () => ({ id: 3, value: 1 })))
    peer.send()
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_settings_flood`)
  })

  test('empty DATA', () => {
    const peer = new RawPeer('server')
    peer.headers(1, post, false).send()
    expect(flood(peer, 100, () => peer.data(1, ''))).toBe(2)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_empty_frames_flood`)
  })

  test('empty CONTINUATION', () => {
    const peer = new RawPeer('server')
    expect(flood(peer, 100, (count) => (count === 0 ? peer.raw(1, 0, 1) : peer.raw(9, 0, 1)))).toBe(2)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_empty_frames_flood`)
  })

  test('CONTINUATION', () => {
    const peer = new RawPeer('server')
    const part = Buffer.from([0x82])
    expect(flood(peer, 100, (count) => peer.raw(count === 0 ? 1 : 9, 0, 1, part))).toBe(18)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_continuation_flood`)
  })

  test('decoded fields', () => {
    const peer = new RawPeer('server')
    peer.headers(1, [...get, ['x-big', 'x'.repeat(2900)]]).send()
    // The entry of the table, again and again.
    peer.raw(1, 5, 3, Buffer.alloc(4000, 0xbe))
    expect(failureOf(peer)).toBe(`failure ${calm} header_overflow`)
  })

  test('PRIORITY', () => {
    const peer = new RawPeer('server')
    expect(flood(peer, 1000, () => peer.raw(2, 0, 3, Buffer.alloc(5)))).toBe(101)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_priority_frames_flood`)
  })

  test('WINDOW_UPDATE', () => {
    const peer = new RawPeer('server')
    peer.headers(1).send()
    expect(flood(peer, 1000, () => peer.frames.windowUpdate(1, 1))).toBe(8)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_window_update_frames_flood`)
  })

  test('streams that are reset at once', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 1000, (index) => {
      peer.headers(2 * index + 1)
      peer.frames.rstStream(2 * index + 1, 8)
    })
    expect([count, failureOf(peer)]).toEqual([101, `failure ${calm} rx_reset`])
    expect(peer.session.activeStreams).toBe(0)
  })

  test('resets of every third stream is none: the answers between earn it', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 1000, (index) => {
      peer.headers(4 * index + 1).send()
      const stream = peer.recorder.streams.at(-1)
      if (stream === undefined) return
      peer.session.beginHead().field(':status', '204')
      peer.session.endHead(stream, true)
      if (index % 2 === 0) peer.headers(4 * index + 3).frames.rstStream(4 * index + 3, 8)
      peer.answers()
    })
    expect([count, failureOf(peer)]).toEqual([1000, undefined])
  })

  test('resets at the pace that is allowed is none', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 1000, (index) => {
      peer.recorder.time += 31
      peer.headers(2 * index + 1)
      peer.frames.rstStream(2 * index + 1, 8)
    })
    expect(count).toBe(1000)
  })

  test('resets after the answer is none', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 1000, (index) => {
      peer.headers(2 * index + 1, post, false).send()
      const stream = peer.recorder.streams.at(-1)
      if (stream !== undefined) peer.recorder.head(stream, [[':status', '200']], true)
      peer.frames.rstStream(2 * index + 1, 8)
      peer.answers()
    })
    expect(count).toBe(1000)
    expect(peer.session.activeStreams).toBe(0)
  })

  const zero = Buffer.alloc(4)
  const most = Buffer.from('7fffffff', 'hex')
  /** CVE-2025-8671: ways to have a stream reset by us after its request was taken. */
  const provocations: readonly (readonly [string, (peer: RawPeer, id: number) => unknown])[] = [
    ['window of 0', (peer, id) => peer.headers(id).raw(8, 0, id, zero)],
    ['window overflow', (peer, id) => peer.headers(id).raw(8, 0, id, most)],
    ['PRIORITY of a wrong length', (peer, id) => peer.headers(id).raw(2, 0, id, zero)],
    [
      'PRIORITY on itself',
      (peer, id) => {
        const payload = Buffer.alloc(5)
        payload.writeUInt32BE(id)
        peer.headers(id).raw(2, 0, id, payload)
      },
    ],
    ['HEADERS after the end', (peer, id) => peer.headers(id).headers(id)],
    ['DATA after the end', (peer, id) => peer.headers(id).data(id, 'x')],
    ['a malformed request', (peer, id) => peer.headers(id, [[':method', 'GET']])],
    ['a wrong length', (peer, id) => peer.headers(id, [...get, ['content-length', '1']])],
  ]
  test.each(provocations)('resets that the peer provokes: %s', (_, act) => {
    const peer = new RawPeer('server')
    const count = flood(peer, 1000, (index) => (act(peer, 2 * index + 1), peer.answers()))
    expect([count, failureOf(peer)]).toEqual([101, `failure ${calm} tx_reset`])
    expect(peer.session.activeStreams).toBe(0)
  })

  test('streams above the limit', () => {
    const peer = new RawPeer('server', { limits: { maxConcurrentStreams: 1 } })
    const count = flood(peer, 1000, (index) => (peer.headers(2 * index + 1), peer.answers()))
    expect([count, failureOf(peer)]).toEqual([102, `failure ${calm} tx_reset`])
  })

  test('unknown frames', () => {
    const peer = new RawPeer('server')
    expect(flood(peer, 5000, () => peer.raw(0x42, 0, 0))).toBe(1001)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_glitches_flood`)
  })

  test('frames on streams that are over', () => {
    const peer = new RawPeer('server')
    peer.headers(1).send()
    peer.frames.rstStream(1, 8)
    expect(flood(peer, 5000, () => peer.frames.rstStream(1, 8))).toBeLessThan(1002)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_glitches_flood`)
  })

  test('small DATA that nobody can pass on', () => {
    const peer = new RawPeer('server', { limits: { smallDataFrames: 1000 } })
    peer.recorder.consumes = false
    peer.headers(1, post, false).send()
    expect(flood(peer, 5000, () => peer.data(1, 'x'))).toBe(1001)
    expect(failureOf(peer)).toBe(`failure ${calm} inbound_small_data_frames_flood`)
  })

  test('small DATA that is passed on is none', () => {
    const peer = new RawPeer('server', { limits: { smallDataFrames: 1000 } })
    peer.headers(1, post, false).send()
    expect(flood(peer, 5000, () => peer.data(1, 'x'))).toBe(5000)
  })

  test('DATA that nobody can pass on, but that is not small, is none', () => {
    const peer = new RawPeer('server', { limits: { smallDataFrames: 100 } })
    peer.recorder.consumes = false
    peer.headers(1, post, false).send()
    expect(flood(peer, 600, () => peer.data(1, 'x'.repeat(100)))).toBe(600)
  })

  test('faults after the answer', () => {
    const peer = new RawPeer('server')
    const count = flood(peer, 5000, (index) => {
      const id = 2 * index + 1
      peer.headers(id, post, false).send()
      const stream = peer.recorder.streams.at(-1)
      if (stream !== undefined) peer.recorder.head(stream, [[':status', '200']], true)
      peer.headers(id, [['x', 'y']], false).answers()
    })
    expect([count, failureOf(peer)]).toEqual([1001, `failure ${calm} inbound_glitches_flood`])
  })

  test('requests whose answers are not read, by frames and by octets', () => {
    const headers = Array.from({ length: 10 }, (_, index) => [`x${index}`, 'y'.repeat(1000)] as const)
    for (const limits of [{ outboundFrames: 500 }, { outputOverflowBytes: 1_000_000 }]) {
      const peer = new RawPeer('server', { limits })
      peer.session.setWritable(false)
      flood(peer, 10_000, (index) => {
        peer.headers(2 * index + 1).send()
        const stream = peer.recorder.streams.at(-1)
        if (stream !== undefined && !stream.closed) peer.recorder.head(stream, [[':status', '200'], ...headers], true)
      })
      expect(failureOf(peer)).toBe(`failure ${calm} outbound_flood`)
      expect(peer.session.outputLength).toBeLessThan(6_000_000)
    }
  })
})

test('an owner is told nothing after a failure, and the session takes nothing more', () => {
  const peer = new RawPeer('server')
  peer.headers(1, post, false).headers(3, post, false).send()
  peer.raw(5, 0, 1)
  expect(peer.recorder.take().slice(2)).toEqual(['1 reset 1', '3 reset 1', 'failure 1 protocol_error'])
  peer.headers(5).data(1, 'x', true)
  peer.frames.ping(Buffer.alloc(8))
  expect(peer.answers()).toEqual(['goaway 3 1'])
  expect(peer.recorder.take()).toEqual([])
})

test('output gives back the memory of a burst', () => {
  const peer = new RawPeer('server', { settings: [{ id: 4, value: 10_000_000 }], limits: { outputBytes: 10_000_000 } })
  peer.frames.windowUpdate(0, 10_000_000)
  peer.headers(1).send()
  const [stream] = peer.recorder.streams
  if (stream === undefined) throw new Error('No stream')
  peer.recorder.head(stream, [[':status', '200']])
  peer.session.sendData(stream, Buffer.alloc(3_000_000), 0, 3_000_000, true)
  expect(peer.session.output.length).toBeGreaterThan(3_000_000)
  peer.answers()
  expect(peer.session.output.length).toBeLessThan(131_073)
})

test('trim() gives back the memory of a connection that was busy, and takes nothing that is needed', () => {
  const peer = new RawPeer('server')
  peer.headers(1).send()
  const [stream] = peer.recorder.streams
  if (stream === undefined) throw new Error('No stream')
  peer.recorder.head(stream, [[':status', '200']])
  peer.session.sendData(stream, Buffer.alloc(50_000), 0, 50_000, true)
  peer.session.trim()
  expect(peer.answers()).toHaveLength(5)
  expect(peer.session.output.length).toBeGreaterThan(50_000)
  peer.session.trim()
  expect(peer.session.output.length).toBeLessThan(4097)
  const half = peer.block(get)
  peer.raw(1, 1, 3, half.subarray(0, 2))
  peer.session.trim()
  peer.raw(9, 4, 3, half.subarray(2))
  expect(peer.recorder.log.at(-1)).toBe('3 head :method=GET :scheme=http :authority=a :path=/ end')
})
