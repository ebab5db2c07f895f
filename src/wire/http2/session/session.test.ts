import { describe, expect, test } from 'bun:test'

import { ErrorCode } from '../frames/error-code.ts'
import { get, pair, post, RawPeer, Recorder, takeOutput } from './session-recorder.fixture.ts'

const ok: readonly (readonly [string, string])[] = [[':status', '200']]
const head = ':method=GET :scheme=http :authority=a :path=/'

describe('two sessions', () => {
  test('carry a request and its response, and keep nothing', () => {
    const { client, server, exchange } = pair()
    client.request()
    exchange()
    expect(server.take()).toEqual([`1 head ${head} end`])
    const [stream] = server.streams
    if (stream === undefined) throw new Error('No stream')
    server.head(stream, ok)
    server.session.sendData(stream, Buffer.from('hello'), 0, 5, true)
    exchange()
    expect(client.take()).toEqual(['1 head :status=200', '1 body 5 end', 'idle'])
    expect(server.take()).toEqual(['idle'])
    expect([client.session.activeStreams, server.session.activeStreams]).toEqual([0, 0])
    expect(stream.closed).toBe(true)
  })

  test('carry interim heads, bodies both ways and trailers', () => {
    const { client, server, exchange } = pair()
    const request = client.request(post, false)
    exchange()
    const [stream] = server.streams
    if (stream === undefined) throw new Error('No stream')
    server.head(stream, [[':status', '103']])
    server.head(stream, ok)
    client.session.sendData(request, Buffer.from('abc'), 0, 3, false)
    client.session.sendTrailers(request, ['x-sum'], ['1'])
    server.session.sendData(stream, Buffer.from('defg'), 1, 4, false)
    server.session.sendTrailers(stream, ['grpc-status'], ['0'])
    exchange()
    expect(server.bodies.get(1)).toBe('abc')
    expect(client.bodies.get(1)).toBe('efg')
    expect(client.take()).toEqual(['1 head :status=103', '1 head :status=200', '1 trailers grpc-status=0', 'idle'])
    expect(server.take().slice(1)).toEqual(['1 trailers x-sum=1', 'idle'])
  })

  test('carry a body that is larger than every window, with trailers behind it', () => {
    const { client, server, exchange } = pair({ server: { limits: { connectionWindowBytes: 65_535 } } })
    const body = Buffer.alloc(1_000_003, 'abcdefg')
    const request = client.request(post, false)
    expect(client.session.sendData(request, body, 0, body.length, false)).toBe(false)
    expect(request.waiting).toBeGreaterThan(900_000)
    client.session.sendTrailers(request, ['x'], ['y'])
    exchange()
    expect(request.waiting).toBe(0)
    expect(server.bodies.get(1)).toBe(body.toString('latin1'))
    expect(server.take().slice(1)).toEqual(['1 trailers x=y'])
    expect(client.take()).toEqual(['1 writable'])
  })

  test('leave no state after 10,000 streams', () => {
    const { client, server, exchange } = pair()
    let next = 0
    server.before = (event, stream) => {
      if (stream === undefined || !event.includes('head')) return
      next += 1
      if (next % 3 === 0) server.session.reset(stream, ErrorCode.cancel)
      else server.head(stream, [[':status', '204']], true)
    }
    for (let count = 0; count < 10_000; count += 50) {
      for (let one = 0; one < 50; one += 1) client.request()
      exchange()
    }
    expect(client.session.openedStreams).toBe(10_000)
    expect([client.session.activeStreams, server.session.activeStreams]).toEqual([0, 0])
    expect(client.session.capacity).toBe(100)
    expect(server.session.failed).toBe(false)
  })

  test('tell a reset once, and nothing after it', () => {
    const { client, server, exchange } = pair()
    const request = client.request(post, false)
    exchange()
    const [stream] = server.streams
    if (stream === undefined) throw new Error('No stream')
    client.session.sendData(request, Buffer.from('abc'), 0, 3, true)
    server.session.reset(stream, ErrorCode.internalError)
    exchange()
    expect(server.take()).toEqual(['1 head :method=POST :scheme=http :authority=a :path=/', 'idle'])
    expect(client.take()).toEqual(['1 reset 2 by peer', 'idle'])
    expect(client.session.sendData(request, Buffer.from('abc'), 0, 3, true)).toBe(true)
    client.session.reset(request, ErrorCode.cancel)
    expect(client.session.outputLength).toBe(0)
  })
})

describe('flow control', () => {
  test('sendData() stays within the stream window, the connection window and the settings', () => {
    const peer = new RawPeer('server', { settings: [{ id: 4, value: 10 }] })
    peer.headers(1).headers(3).send()
    const [first, second] = peer.recorder.streams
    if (first === undefined || second === undefined) throw new Error('No stream')
    peer.recorder.head(first, ok)
    const { session } = peer
    expect(session.sendData(first, Buffer.alloc(25), 0, 25, true)).toBe(false)
    expect(peer.answers()).toEqual(['1 headers :status=200', '1 data 10'])
    peer.frames.windowUpdate(1, 5)
    expect(peer.answers()).toEqual(['1 data 5'])
    peer.frames.settings([{ id: 4, value: 0 }])
    peer.frames.windowUpdate(1, 9)
    expect(peer.answers()).toEqual(['settings'.concat('Ack')])
    peer.frames.settings([{ id: 4, value: 6 }])
    expect(peer.answers()).toEqual(['settingsAck', '1 data 5'])
    expect(first.waiting).toBe(5)
    peer.frames.settings([{ id: 4, value: 100_000 }])
    expect(peer.answers()).toEqual(['settingsAck', '1 data 5 end'])
    expect(peer.recorder.take().at(-1)).toBe('1 writable')
    peer.recorder.head(second, ok)
    expect(session.sendData(second, Buffer.alloc(70_000), 0, 70_000, false)).toBe(false)
    expect(peer.answers()).toEqual([
      '3 headers :status=200',
      ...Array.from({ length: 3 }, () => '3 data 16384'),
      '3 data 16358',
    ])
    peer.frames.windowUpdate(0, 1_000_000)
    expect(peer.answers()).toEqual(['3 data 4490'])
    expect(peer.recorder.take()).toEqual(['3 writable'])
  })

  test('setWritable() holds DATA back, not heads; streams then take turns', () => {
    const peer = new RawPeer('server', { settings: [{ id: 4, value: 1_000_000 }] })
    peer.frames.windowUpdate(0, 1_000_000)
    peer.headers(1).headers(3).send()
    const { session, recorder } = peer
    session.setWritable(false)
    for (const stream of recorder.streams) {
      recorder.head(stream, ok)
      expect(session.sendData(stream, Buffer.alloc(40_000), 0, 40_000, true)).toBe(false)
    }
    recorder.take()
    expect(peer.answers()).toEqual(['1 headers :status=200', '3 headers :status=200'])
    session.setWritable(true)
    const served = [...peer.answers(), ...peer.answers()]
    expect(served).toEqual([
      '1 data 16384',
      '3 data 16384',
      '1 data 16384',
      '3 data 16384',
      '1 data 7232 end',
      '3 data 7232 end',
    ])
    expect(recorder.take()).toEqual(['1 writable', '3 writable', 'idle'])
  })

  test('sendData() says when the output is full, and onWritable when it was taken', () => {
    const peer = new RawPeer('server', { settings: [{ id: 4, value: 1_000_000 }] })
    peer.frames.windowUpdate(0, 1_000_000)
    peer.headers(1).send()
    const { session, recorder } = peer
    const [stream] = recorder.streams
    if (stream === undefined) throw new Error('No stream')
    recorder.head(stream, ok)
    expect(session.sendData(stream, Buffer.alloc(20_000), 0, 20_000, false)).toBe(true)
    expect(session.sendData(stream, Buffer.alloc(60_000), 0, 60_000, false)).toBe(false)
    expect(stream.waiting).toBe(0)
    recorder.take()
    takeOutput(session)
    expect(recorder.take()).toEqual(['1 writable'])
  })

  test('sendData() of many small pieces behind a full output gathers them, and is no flood', () => {
    const peer = new RawPeer('server', { settings: [{ id: 4, value: 1_000_000 }] })
    peer.headers(1).send()
    const { session, recorder } = peer
    const [stream] = recorder.streams
    if (stream === undefined) throw new Error('No stream')
    recorder.head(stream, ok)
    for (let count = 0; count < 30_000; count += 1) session.sendData(stream, Buffer.alloc(1), 0, 1, false)
    expect(stream.waiting).toBeGreaterThan(20_000)
    peer.frames.ping(Buffer.alloc(8))
    peer.send()
    expect(session.failed).toBe(false)
    while (session.outputLength > 0) takeOutput(session)
    expect([stream.waiting, session.failed]).toEqual([0, false])
  })

  test('consume() gives credit back by halves of the windows, and a reset gives it back to the connection', () => {
    const peer = new RawPeer('server', { limits: { connectionWindowBytes: 100_000 } })
    peer.recorder.consumes = false
    const { session, recorder } = peer
    peer.headers(1, post, false).headers(3, post, false)
    for (let part = 0; part < 4; part += 1) peer.data(1, 'x'.repeat(15_000))
    expect(peer.answers()).toEqual([])
    const [first, second] = recorder.streams
    if (first === undefined || second === undefined) throw new Error('No stream')
    session.consume(first, 32_767)
    expect(peer.answers()).toEqual([])
    session.consume(first, 1)
    expect(peer.answers()).toEqual(['1 window 32768'])
    session.reset(first, ErrorCode.cancel)
    expect(peer.answers()).toEqual(['1 rst 8', '0 window 60000'])
    // What still arrives counts, and is given back at once.
    for (let part = 0; part < 4; part += 1) peer.data(1, 'x'.repeat(15_000))
    expect(peer.answers()).toEqual(['0 window 60000'])
    peer.data(3, 'x', true).send()
    session.consume(second, 1)
    expect(peer.answers()).toEqual([])
  })

  test('padding is given back although nobody consumes it', () => {
    const peer = new RawPeer('server')
    peer.recorder.consumes = false
    peer.headers(1, post, false).send()
    const padded = Buffer.alloc(256)
    padded[0] = 254
    for (let count = 0; count < 129; count += 1) peer.raw(0, 8, 1, padded)
    expect(peer.answers()).toEqual(['1 window 32895'])
  })
})

describe('a client', () => {
  test('capacity follows the settings of the server, the streams and GOAWAY', () => {
    const peer = new RawPeer('client', { settings: [{ id: 3, value: 2 }] })
    const { session, recorder } = peer
    expect(session.capacity).toBe(2)
    recorder.request()
    recorder.request()
    expect(session.capacity).toBe(0)
    expect(() => session.open(recorder)).toThrow()
    peer.headers(1, [[':status', '200']], true).send()
    expect(session.capacity).toBe(1)
    recorder.request()
    peer.frames.goaway(3, 0)
    peer.send()
    expect(recorder.take()).toEqual(['1 head :status=200 end', '5 reset 7 by peer', 'goaway 3 0'])
    expect(session.capacity).toBe(0)
    peer.headers(3, [[':status', '200']], true).send()
    expect(recorder.take()).toEqual(['3 head :status=200 end', 'idle'])
  })

  test('destroy() ends every stream without recursion, whatever owners do in onReset', () => {
    const client = new Recorder('client', { limits: { maxConcurrentStreams: 20_000 } })
    const server = new Recorder('server', { limits: { maxConcurrentStreams: 20_000 } })
    client.session.start()
    server.session.start()
    const greeting = takeOutput(server.session)
    client.session.receive(greeting, 0, greeting.length)
    const streams = Array.from({ length: 17_000 }, () => client.request(post, false))
    client.before = (_, stream) => {
      for (const other of streams.slice(0, 3)) client.session.reset(other, ErrorCode.cancel)
      if (stream !== undefined) client.session.sendData(stream, Buffer.from('x'), 0, 1, true)
    }
    client.session.destroy(ErrorCode.connectError)
    expect(client.take().filter((event) => event.endsWith('reset 10')).length).toBeGreaterThan(16_990)
    expect([client.session.activeStreams, client.session.outputLength, client.session.capacity]).toEqual([0, 0, 0])
  })

  test('onCapacity may open and reset without end', () => {
    const peer = new RawPeer('client', { settings: [{ id: 3, value: 1 }] })
    const { session, recorder } = peer
    let rest = 20_000
    recorder.before = (event) => {
      if (event !== 'capacity' || rest === 0 || session.capacity === 0) return
      rest -= 1
      session.reset(session.open(recorder), ErrorCode.cancel)
    }
    recorder.request()
    peer.headers(1, ok, true).send()
    expect(rest).toBe(0)
    expect(session.activeStreams).toBe(0)
  })

  test('a body of a response to HEAD is refused, its content-length is not', () => {
    const peer = new RawPeer('client')
    const stream = peer.recorder.request()
    stream.headRequest = true
    peer.headers(1, [...ok, ['content-length', '5']], true).send()
    expect(peer.recorder.take()).toEqual(['1 head :status=200 content-length=5 end', 'idle'])
    peer.recorder.request().headRequest = true
    peer.headers(3, [...ok, ['content-length', '5']], false).data(3, 'hello', true)
    expect(peer.answers().at(-1)).toBe('3 rst 1')
  })
})

describe('a server', () => {
  test('drain() and goaway() let streams end, and ignore later ones', () => {
    const peer = new RawPeer('server')
    const { session, recorder } = peer
    peer.headers(1, post, false).send()
    session.drain()
    peer.headers(3).send()
    session.goaway(ErrorCode.noError)
    peer.headers(5, post, false).data(5, 'x', true).send()
    expect(peer.answers()).toEqual(['goaway 2147483647 0', 'goaway 3 0'])
    expect(recorder.streams.map(({ id }) => id)).toEqual([1, 3])
    for (const stream of recorder.streams) recorder.head(stream, ok, true)
    peer.data(1, 'x', true).send()
    expect(session.activeStreams).toBe(0)
    expect(session.failed).toBe(false)
  })

  test('ping() and onPong', () => {
    const peer = new RawPeer('server')
    peer.session.ping(Buffer.from('12345678'))
    expect(peer.answers()).toEqual(['ping'])
    peer.raw(6, 1, 0, Buffer.from('12345678'))
    expect(peer.recorder.take()).toEqual(['pong 12345678'])
    peer.raw(6, 0, 0, Buffer.from('12345678'))
    expect(peer.answers()).toEqual(['pingAck'])
  })

  test('a head that is too large is told as such', () => {
    const peer = new RawPeer('server')
    const big = 'x'.repeat(9000)
    peer.headers(1, [...get, ...Array.from({ length: 7 }, (_, index) => [`x${index}`, big] as const)])
    expect(peer.answers()).toEqual([])
    expect(peer.recorder.take()[0]).toStartWith('1 head too-large :method=GET')
  })
})
