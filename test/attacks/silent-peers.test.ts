/** Peers of HTTP/2 that fall silent, or take nothing: each is found within a time that has a name. */
import { afterEach, describe, expect, spyOn, test } from 'bun:test'

import { defaultHttp2Config } from '../../src/proxy/config/index.ts'
import { ErrorCode, Http2Session } from '../../src/wire/http2/index.ts'
import type { FramePeer } from '../harness/frame-peer.ts'
import { waitUntil } from '../harness/wait-until.ts'
import {
  connectPeer,
  type PlaneOptions,
  type RawUpstream,
  request,
  startAnswering,
  startPlane,
  startUpstream,
  type TestPlane,
} from './http2-plane.ts'

const stops: (() => PromiseLike<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

async function serve(upstream: RawUpstream, options: Omit<PlaneOptions, 'upstream'> = {}): Promise<TestPlane> {
  stops.push(() => upstream[Symbol.dispose]())
  const plane = await startPlane({ ...options, upstream: upstream.port })
  stops.push(() => plane[Symbol.asyncDispose]())
  return plane
}

function client(port: number): FramePeer {
  const peer = connectPeer(port)
  stops.push(() => void peer.socket.destroy())
  return peer
}

const keepalive = { intervalMs: 20, timeoutMs: 40 }

describe('a client that', () => {
  test('never acknowledges settings is told so and closed', async () => {
    const plane = await serve(await startAnswering(), { limits: { settingsTimeoutMs: 40 } })
    const peer = client(plane.port)
    peer.acknowledgesSettings = false
    peer.start()
    await waitUntil('the connection is closed', () => peer.closed)
    expect(peer.goaways.map(({ code }) => code)).toEqual([ErrorCode.settingsTimeout])
    expect(plane.value('envoy_http2_settings_timeout')).toBe(1)
    await waitUntil('nothing is left', () => plane.value('envoy_http_downstream_cx_active') === 0)
  })

  test('answers PING stays, and one that does not is closed', async () => {
    const manager = { http2: { ...defaultHttp2Config, keepalive } }
    const plane = await serve(await startAnswering(), { manager })
    const sound = client(plane.port)
    const silent = client(plane.port)
    silent.answersPings = false
    for (const peer of [sound, silent]) peer.start()
    await waitUntil('the silent one is closed', () => silent.closed)
    await waitUntil('the sound one was asked more than once', () => sound.pings > 2)
    expect(sound.closed).toBe(false)
    expect(plane.value('envoy_http2_keepalive_timeout')).toBe(1)
  })

  test('opens no window for the end of a response loses the stream, not the connection', async () => {
    const plane = await serve(await startAnswering('x'.repeat(1000)), { limits: { flushTimeoutMs: 40 } })
    const peer = client(plane.port)
    peer.opensWindows = false
    peer.start([[4, 10]])
    peer.headers(1, request(), { end: true })
    await waitUntil('the stream is reset', () => peer.streams.get(1)?.end !== undefined)
    expect(peer.streams.get(1)).toMatchObject({ octets: 10, end: ErrorCode.cancel })
    peer.windowUpdate(0, 1000)
    peer.sendSettings([[4, 5000]])
    peer.headers(3, request(), { end: true })
    await waitUntil('the next one is answered', () => peer.streams.get(3)?.end === 'end')
    expect(plane.value('envoy_http_downstream_rq_active')).toBe(0)
  })

  test('reads nothing while a response waits for its socket is cut', async () => {
    const body = Buffer.alloc(65_535)
    const plane = await serve(await startAnswering(body), { limits: { flushTimeoutMs: 250 } })
    const peer = client(plane.port)
    peer.start([[4, 0x7fff_ffff]])
    peer.windowUpdate(0, 0x7fff_0000)
    await waitUntil('settings are acknowledged', () => peer.settingsAcks > 0)
    peer.socket.pause()
    // More than the buffers of both kernels hold.
    let id = 1
    await waitUntil('the connection is cut', () => {
      const asks = id < 500 && plane.value('envoy_http_downstream_rq_active') === 0
      const until = asks ? id + 40 : id
      for (; id < until; id += 2) peer.headers(id, request(), { end: true })
      return plane.value('envoy_http_downstream_cx_active') === 0
    })
    await waitUntil('nothing is left', () => plane.value('envoy_http_downstream_rq_active') === 0)
  })

  test('does not close after GOAWAY is cut', async () => {
    const plane = await serve(await startAnswering(), { limits: { lingerMs: 40 } })
    const peer = client(plane.port)
    peer.start()
    peer.windowUpdate(0, 0)
    await waitUntil('GOAWAY is here', () => peer.goaways.length > 0)
    await waitUntil('nothing is left', () => plane.value('envoy_http_downstream_cx_active') === 0)
  })

  test('is idle is told GOAWAY, and its session has given its buffers back before', async () => {
    const trim = spyOn(Http2Session.prototype, 'trim')
    stops.push(() => trim.mockRestore())
    const plane = await serve(await startAnswering(), {
      manager: { idleTimeoutMs: 80 },
      limits: { idleTrimMs: 10 },
      cluster: { idleTimeoutMs: 80 },
    })
    const peer = client(plane.port)
    peer.start()
    peer.headers(1, request(), { end: true })
    await waitUntil('the connection is closed', () => peer.closed)
    expect(peer.streams.get(1)?.end).toBe('end')
    expect(peer.goaways.map(({ code }) => code)).toEqual([ErrorCode.noError])
    // Of both sides.
    expect(trim.mock.calls.length).toBeGreaterThanOrEqual(2)
  })
})

describe('an upstream that', () => {
  test('does not answer PING is closed, and its requests are answered', async () => {
    const upstream = await startUpstream((peer) => {
      peer.answersPings = false
    })
    const plane = await serve(upstream, { cluster: { http2: { ...defaultHttp2Config, keepalive } } })
    const peer = client(plane.port)
    peer.start()
    peer.headers(1, request('POST'), { end: true })
    await waitUntil('the request is answered', () => peer.streams.get(1)?.end === 'end')
    expect(peer.streams.get(1)?.heads[0]?.[0]).toEqual([':status', '503'])
    expect(plane.value('envoy_cluster_http2_keepalive_timeout')).toBe(1)
    await waitUntil('the connection is closed', () => upstream.peers.every(({ closed }) => closed))
  })

  test('never acknowledges settings is closed', async () => {
    const upstream = await startUpstream((peer) => {
      peer.acknowledgesSettings = false
    })
    const plane = await serve(upstream, { limits: { settingsTimeoutMs: 60 } })
    const peer = client(plane.port)
    peer.start()
    peer.headers(1, request('POST'), { end: true })
    await waitUntil('the request is answered', () => peer.streams.get(1)?.end === 'end')
    expect(peer.streams.get(1)?.heads[0]?.[0]).toEqual([':status', '503'])
    expect(upstream.peers[0]?.goaways.map(({ code }) => code)).toEqual([ErrorCode.settingsTimeout])
  })

  test('is idle is told GOAWAY', async () => {
    const upstream = await startAnswering()
    const plane = await serve(upstream, { cluster: { idleTimeoutMs: 30 } })
    const peer = client(plane.port)
    peer.start()
    peer.headers(1, request(), { end: true })
    await waitUntil('the request is answered', () => peer.streams.get(1)?.end === 'end')
    await waitUntil('the connection is closed', () => upstream.peers[0]?.closed === true)
    expect(upstream.peers[0]?.goaways.map(({ code }) => code)).toEqual([ErrorCode.noError])
  })
})

test('fields of trailers that are never to be indexed stay so on the next hop, both ways', async () => {
  const upstream = await startUpstream((peer) => {
    peer.onStream = ({ id }, whole) => {
      if (!whole) return
      peer.headers(id, [[':status', '200']])
      peer.data(id, 'ok')
      peer.headers(id, [['x-secret-answer', '42']], { end: true, never: true })
    }
  })
  const plane = await serve(upstream)
  const peer = client(plane.port)
  peer.start()
  peer.headers(1, request('POST', '/', [['te', 'trailers']]))
  peer.data(1, 'hello')
  peer.headers(1, [['x-secret', '1']], { end: true, never: true })
  await waitUntil('the request is answered', () => peer.streams.get(1)?.end === 'end')
  expect(peer.streams.get(1)).toMatchObject({ trailers: [['x-secret-answer', '42']], never: ['x-secret-answer'] })
  expect(upstream.peers[0]?.streams.get(1)).toMatchObject({ trailers: [['x-secret', '1']], never: ['x-secret'] })
})

test('a client that opens streams on a connection that is to end is not served for ever', async () => {
  const plane = await serve(await startAnswering(), {
    manager: { maxConnectionDurationMs: 20 },
    limits: { drainGraceMs: 40 },
  })
  const peer = client(plane.port)
  peer.start()
  let id = 1
  peer.headers(id, request('POST'))
  await waitUntil('the first GOAWAY is here', () => peer.goaways.length === 1)
  // There is always one open stream, so that the connection is never idle.
  await waitUntil('the last GOAWAY is here', () => {
    peer.data(id, '', { end: true })
    id += 2
    peer.headers(id, request('POST'))
    return peer.goaways.length > 1
  })
  const [first, last] = peer.goaways
  expect(first?.lastId).toBe(0x7fff_ffff)
  expect(last?.lastId).toBeLessThan(id + 2)
  const ignored = id + 2
  peer.headers(ignored, request(), { end: true })
  peer.data(id, '', { end: true })
  await waitUntil('the connection is closed', () => peer.closed)
  expect(peer.streams.get(ignored)).toBeUndefined()
})
