import { describe, expect, test } from 'bun:test'

import { get, post, RawPeer } from './session-recorder.fixture.ts'

const ok: readonly (readonly [string, string])[] = [[':status', '200']]

/** What a peer does, and what it must be answered. */
type Case = readonly [title: string, act: (peer: RawPeer) => unknown, answer: readonly string[]]

const window0 = Buffer.alloc(4)
const windowMost = Buffer.from('7fffffff', 'hex')
const cancel = Buffer.from('00000008', 'hex')

/** Answers of a server whose streams are answered by a head, and remain open on its side. */
const serverCases: readonly Case[] = [
  ['idle: DATA', (peer) => peer.data(1, 'x'), ['goaway 0 1']],
  ['idle: RST_STREAM', (peer) => peer.raw(3, 0, 1, cancel), ['goaway 0 1']],
  ['idle: WINDOW_UPDATE', (peer) => peer.raw(8, 0, 1, windowMost), ['goaway 0 1']],
  ['idle: CONTINUATION', (peer) => peer.raw(9, 4, 1), ['goaway 0 1']],
  ['idle: PRIORITY', (peer) => peer.raw(2, 0, 1, Buffer.alloc(5)), []],
  ['idle: PRIORITY on itself', (peer) => peer.raw(2, 0, 3, Buffer.from('0000000300', 'hex')), ['goaway 0 1']],
  ['even id', (peer) => peer.headers(2), ['goaway 0 1']],
  ['lower id', (peer) => peer.headers(5, post, false).headers(3), ['goaway 5 1']],
  ['half-closed: DATA', (peer) => peer.headers(1).data(1, 'x'), ['1 rst 5']],
  ['half-closed: HEADERS', (peer) => peer.headers(1).headers(1), ['1 rst 5']],
  ['half-closed: CONTINUATION', (peer) => peer.headers(1).raw(9, 4, 1), ['goaway 1 1']],
  ['half-closed: WINDOW_UPDATE', (peer) => peer.headers(1).raw(8, 0, 1, Buffer.from([0, 0, 0, 1])), []],
  ['reset by the peer: DATA', (peer) => peer.headers(1, post, false).raw(3, 0, 1, cancel).data(1, 'x'), ['1 rst 5']],
  ['reset by the peer: HEADERS', (peer) => peer.headers(1, post, false).raw(3, 0, 1, cancel).headers(1), ['1 rst 5']],
  [
    'reset by the peer: DATA twice',
    (peer) => peer.headers(1, post, false).raw(3, 0, 1, cancel).data(1, 'x').data(1, 'x'),
    ['1 rst 5'],
  ],
  ['reset by the peer: WINDOW_UPDATE', (peer) => peer.headers(1).raw(3, 0, 1, cancel).raw(8, 0, 1, windowMost), []],
  ['reset by the peer: RST_STREAM', (peer) => peer.headers(1).raw(3, 0, 1, cancel).raw(3, 0, 1, cancel), []],
  ['window of a stream by 0', (peer) => peer.headers(1).raw(8, 0, 1, window0), ['1 rst 1']],
  ['window of the connection by 0', (peer) => peer.raw(8, 0, 0, window0), ['goaway 0 1']],
  ['window of a stream beyond 2^31-1', (peer) => peer.headers(1).raw(8, 0, 1, windowMost), ['1 rst 3']],
  ['window of the connection beyond 2^31-1', (peer) => peer.raw(8, 0, 0, windowMost), ['goaway 0 3']],
  [
    'window of a stream beyond 2^31-1 by settings',
    (peer) =>
      peer.headers(1).raw(8, 0, 1, Buffer.from('7fff0000', 'hex')).raw(4, 0, 0, Buffer.from('000400020000', 'hex')),
    ['goaway 1 3'],
  ],
  ['initial window beyond 2^31-1', (peer) => peer.raw(4, 0, 0, Buffer.from('000480000000', 'hex')), ['goaway 0 3']],
  ['PRIORITY of a wrong length', (peer) => peer.headers(1).raw(2, 0, 1, Buffer.alloc(4)), ['1 rst 6']],
  [
    'HEADERS that depend on themselves',
    (peer) => peer.raw(1, 0x25, 1, Buffer.concat([Buffer.from('0000000100', 'hex'), peer.block(get)])),
    ['1 rst 1'],
  ],
  ['DATA that is too long', (peer) => peer.headers(1, post, false).raw(0, 0, 1, Buffer.alloc(16_385)), ['1 rst 6']],
  [
    'trailers that do not end the stream',
    (peer) => peer.headers(1, post, false).headers(1, [['x', 'y']], false),
    ['1 rst 1'],
  ],
  ['trailers with a pseudo-field', (peer) => peer.headers(1, post, false).headers(1, [[':path', '/']]), ['1 rst 1']],
  [
    'more DATA than content-length',
    (peer) =>
      peer
        .headers(1, [...post, ['content-length', '2']], false)
        .data(1, 'ab')
        .data(1, 'c'),
    ['1 rst 1'],
  ],
  [
    'less DATA than content-length',
    (peer) => peer.headers(1, [...post, ['content-length', '2']], false).data(1, 'a', true),
    ['1 rst 1'],
  ],
  ['no DATA for content-length', (peer) => peer.headers(1, [...post, ['content-length', '2']], true), ['1 rst 1']],
  [
    'trailers instead of DATA',
    (peer) => peer.headers(1, [...post, ['content-length', '2']], false).headers(1, [['x', 'y']]),
    ['1 rst 1'],
  ],
  ['malformed request', (peer) => peer.headers(1, [...get, ['Connection', 'close']]), ['1 rst 1']],
  [
    'a block that cannot be decoded',
    (peer) => peer.raw(1, 5, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ['goaway 0 9'],
  ],
  ['PUSH_PROMISE', (peer) => peer.raw(5, 4, 1, Buffer.alloc(4)), ['goaway 0 1']],
  ['an unknown frame', (peer) => peer.raw(0x42, 0, 7, Buffer.from('x')), []],
  ['GOAWAY', (peer) => peer.raw(7, 0, 0, Buffer.alloc(8)), []],
]

describe('a server answers', () => {
  test.each(serverCases)('%s', (_, act, answer) => {
    const peer = new RawPeer('server')
    act(peer)
    expect(peer.answers()).toEqual([...answer])
    const failed = answer.some((line) => line.startsWith('goaway'))
    expect(peer.session.failed).toBe(failed)
    expect(peer.recorder.log.some((line) => line.startsWith('failure'))).toBe(failed)
    if (failed) expect(peer.session.activeStreams).toBe(0)
  })

  test('DATA and HEADERS after both sides ended by STREAM_CLOSED of the connection', () => {
    for (const act of [(peer: RawPeer) => peer.data(1, 'x'), (peer: RawPeer) => peer.headers(1)]) {
      const peer = new RawPeer('server')
      peer.headers(1).send()
      const [stream] = peer.recorder.streams
      if (stream === undefined) throw new Error('No stream')
      peer.recorder.head(stream, ok, true)
      peer.answers()
      act(peer)
      expect(peer.answers()).toEqual(['goaway 1 5'])
    }
  })

  test('PRIORITY of a wrong length on a stream that has ended, once', () => {
    const peer = new RawPeer('server')
    peer.headers(1).send()
    const [stream] = peer.recorder.streams
    if (stream === undefined) throw new Error('No stream')
    peer.recorder.head(stream, ok, true)
    peer.raw(2, 0, 1, window0).raw(2, 0, 1, window0)
    expect(peer.answers()).toEqual(['1 headers :status=200 end', '1 rst 6'])
  })

  test('streams that it has reset by nothing, but keeps the tables of HPACK and the window', () => {
    const peer = new RawPeer('server')
    peer.headers(1, post, false).send()
    const [stream] = peer.recorder.streams
    if (stream === undefined) throw new Error('No stream')
    peer.session.reset(stream, 8)
    peer.data(1, 'x').headers(1, [['x-new', 'into the table']])
    peer.frames.windowUpdate(1, 10)
    peer.frames.rstStream(1, 8)
    expect(peer.answers()).toEqual(['1 rst 8'])
    peer.recorder.take()
    peer.headers(3, [...get, ['x-new', 'into the table']])
    expect(peer.answers()).toEqual([])
    expect(peer.recorder.take()).toEqual([
      '3 head :method=GET :scheme=http :authority=a :path=/ x-new=into the table end',
    ])
  })

  test('more streams than it takes by REFUSED_STREAM', () => {
    const peer = new RawPeer('server', { limits: { maxConcurrentStreams: 2 } })
    peer.headers(1).headers(3).headers(5).headers(7)
    expect(peer.answers()).toEqual(['5 rst 7', '7 rst 7'])
    const [stream] = peer.recorder.streams
    if (stream === undefined) throw new Error('No stream')
    peer.recorder.head(stream, ok, true)
    peer.headers(9)
    expect(peer.answers()).toEqual(['1 headers :status=200 end'])
    expect(peer.session.lastPeerStreamId).toBe(9)
  })

  test('DATA beyond the window of a stream, and of the connection', () => {
    const peer = new RawPeer('server', { limits: { streamWindowBytes: 20_000 } })
    peer.recorder.consumes = false
    peer.headers(1, post, false).data(1, 'x'.repeat(15_000)).data(1, 'x'.repeat(5001))
    expect(peer.answers()).toEqual(['1 rst 3'])
    const other = new RawPeer('server', { limits: { connectionWindowBytes: 65_535 } })
    other.recorder.consumes = false
    other.headers(1, post, false).headers(3, post, false)
    for (let part = 0; part < 5; part += 1) other.data(1 + (part & 2), 'x'.repeat(16_000))
    expect(other.answers()).toEqual(['goaway 3 3'])
  })

  test('a peer that has not seen its settings yet by the default window', () => {
    const peer = new RawPeer('server', { limits: { streamWindowBytes: 1000 }, acknowledge: false })
    peer.recorder.consumes = false
    peer.headers(1, post, false).data(1, 'x'.repeat(16_000))
    expect(peer.answers()).toEqual([])
    peer.frames.settingsAck()
    peer.data(1, 'x')
    expect(peer.answers()).toEqual(['1 rst 3'])
  })

  test('a body that is as long as its content-length by nothing, in one frame, in several, with trailers, or empty', () => {
    const peer = new RawPeer('server')
    const of = (length: number): readonly (readonly [string, string])[] => [...post, ['content-length', String(length)]]
    peer.headers(1, of(5), false).data(1, 'ab').data(1, 'cde', true)
    peer.headers(3, of(5), false).data(3, 'abcde', true)
    peer
      .headers(5, of(5), false)
      .data(5, 'ab')
      .data(5, 'cde')
      .headers(5, [['x', 'y']])
    peer.headers(7, of(0), true)
    peer.headers(9, of(0), false).data(9, '', true)
    expect(peer.answers()).toEqual([])
    expect(peer.recorder.take().filter((line) => !line.includes('content-length=5'))).toEqual([
      '1 body 5 end',
      '3 body 5 end',
      '5 trailers x=y',
      '7 head :method=POST :scheme=http :authority=a :path=/ content-length=0 end',
      '9 head :method=POST :scheme=http :authority=a :path=/ content-length=0',
      '9 body 0 end',
    ])
  })

  test('the fault of a stream, and tells that none is left', () => {
    const peer = new RawPeer('server')
    peer.headers(1, post, false).headers(1, [['x', 'y']], false)
    expect(peer.answers()).toEqual(['1 rst 1'])
    expect(peer.recorder.take().slice(1)).toEqual(['1 reset 1', 'idle'])
  })

  test('a second END_STREAM of its own by nothing', () => {
    const peer = new RawPeer('server')
    peer.headers(1, post, false).send()
    const [stream] = peer.recorder.streams
    if (stream === undefined) throw new Error('No stream')
    peer.recorder.head(stream, ok, true)
    expect(stream.localEnded).toBe(true)
    expect(peer.session.sendData(stream, Buffer.from('x'), 0, 1, true)).toBe(true)
    peer.session.sendTrailers(stream, ['x'], ['y'])
    expect(() => peer.recorder.head(stream, ok, true)).toThrow()
  })
})

const clientCases: readonly Case[] = [
  ['a response on an idle stream', (peer) => peer.headers(3, ok), ['goaway 0 1']],
  ['a stream of an even id', (peer) => peer.headers(2, ok), ['goaway 0 1']],
  ['PUSH_PROMISE', (peer) => peer.raw(5, 4, 1, Buffer.alloc(5)), ['goaway 0 1']],
  ['DATA before the head', (peer) => peer.data(1, 'x'), ['1 rst 1']],
  ['1xx that ends the stream', (peer) => peer.headers(1, [[':status', '103']]), ['1 rst 1']],
  ['status 101', (peer) => peer.headers(1, [[':status', '101']], false), ['1 rst 1']],
  ['a content-length without DATA', (peer) => peer.headers(1, [...ok, ['content-length', '1']]), ['1 rst 1']],
  ['status 204 with a body', (peer) => peer.headers(1, [[':status', '204']], false).data(1, 'x'), ['1 rst 1']],
  [
    'status 304 with content-length',
    (peer) =>
      peer.headers(1, [
        [':status', '304'],
        ['content-length', '9'],
      ]),
    [],
  ],
  [
    'too many 1xx',
    (peer) => {
      for (let count = 0; count < 17; count += 1) peer.headers(1, [[':status', '103']], false)
    },
    ['1 rst 11'],
  ],
  [
    'extended CONNECT taken back',
    (peer) => {
      peer.frames.settings([{ id: 8, value: 1 }])
      peer.frames.settings([{ id: 8, value: 0 }])
    },
    ['settingsAck', 'goaway 0 1'],
  ],
]

describe('a client answers', () => {
  test.each(clientCases)('%s', (_, act, answer) => {
    const peer = new RawPeer('client')
    peer.recorder.request()
    peer.answers()
    act(peer)
    expect(peer.answers()).toEqual([...answer])
    if (answer.length > 0)
      expect(peer.recorder.log.filter((line) => line.startsWith('1 reset')).length).toBeLessThanOrEqual(1)
  })

  test('as many 1xx as are allowed by nothing', () => {
    const peer = new RawPeer('client')
    peer.recorder.request()
    for (let count = 0; count < 16; count += 1) peer.headers(1, [[':status', '103']], false)
    peer.headers(1, ok).send()
    expect(peer.recorder.take()).toHaveLength(18)
    expect(peer.session.failed).toBe(false)
  })

  test('RST_STREAM right after GOAWAY without a leak', () => {
    const peer = new RawPeer('client')
    for (let count = 0; count < 3; count += 1) peer.recorder.request()
    peer.answers()
    peer.frames.goaway(3, 0)
    for (const id of [1, 3, 5]) peer.frames.rstStream(id, 7)
    peer.frames.settings([{ id: 3, value: 0 }])
    expect(peer.answers()).toEqual(['settingsAck'])
    expect(peer.recorder.take()).toEqual([
      '5 reset 7 by peer',
      'goaway 3 0',
      '1 reset 7 by peer',
      '3 reset 7 by peer',
      'idle',
    ])
    expect(peer.session.activeStreams).toBe(0)
  })

  test('a second GOAWAY that takes more back than the first gave', () => {
    const peer = new RawPeer('client')
    for (let count = 0; count < 3; count += 1) peer.recorder.request()
    peer.frames.goaway(0x7fff_ffff, 0)
    peer.send()
    expect(peer.recorder.take()).toEqual(['goaway 2147483647 0'])
    peer.frames.goaway(1, 2)
    peer.frames.goaway(5, 2)
    peer.send()
    expect(peer.recorder.take()).toEqual(['3 reset 7 by peer', '5 reset 7 by peer', 'goaway 1 2', 'goaway 1 2'])
  })
})
