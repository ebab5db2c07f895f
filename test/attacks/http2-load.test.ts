/** Many streams share connections, on both sides of the proxy: none waits for a slow one, none is lost when a connection is drained or its client gone. */
import { afterEach, expect, test } from 'bun:test'

import type { FramePeer } from '../harness/frame-peer.ts'
import { waitUntil } from '../harness/wait-until.ts'
import {
  connectPeer,
  type PlaneOptions,
  type RawUpstream,
  request,
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

function client(port: number, settings: readonly (readonly [number, number])[] = []): FramePeer {
  const peer = connectPeer(port)
  stops.push(() => void peer.socket.destroy())
  peer.start(settings)
  return peer
}

function pathOf(peer: FramePeer, id: number): string {
  return peer.streams.get(id)?.heads[0]?.find(([name]) => name === ':path')?.[1] ?? ''
}

function statusOf(peer: FramePeer, id: number): string {
  const stream = peer.streams.get(id)
  if (stream?.end !== 'end') return `ended by ${stream?.end}`
  return stream.heads[0]?.find(([name]) => name === ':status')?.[1] ?? ''
}

async function nothingIsLeft(plane: TestPlane): Promise<void> {
  const gauges = ['envoy_http_downstream_rq_active', 'envoy_cluster_upstream_rq_active']
  await waitUntil('nothing is left', () => gauges.every((name) => plane.value(name) === 0))
}

/** `/big` is answered with as much as windows allow, `/hold` never, the others at once. */
function answer(peer: FramePeer): void {
  peer.keepBodies = false
  const pouring = new Map<number, number>()
  peer.onChange = () => {
    for (const [id, left] of pouring) pouring.set(id, peer.pour(id, left))
  }
  peer.onStream = ({ id }, whole) => {
    const path = pathOf(peer, id)
    if (path === '/big') {
      peer.headers(id, [[':status', '200']])
      pouring.set(id, peer.pour(id, 1 << 20))
    } else if (whole && path !== '/hold') {
      peer.headers(id, [[':status', '200']])
      peer.data(id, path, { end: true })
    }
  }
}

test('slow readers stop neither other streams of their connection nor others that share the upstream connection', async () => {
  const upstream = await startUpstream(answer)
  const plane = await serve(upstream)
  const slow = client(plane.port, [[4, 0]])
  for (let id = 1; id < 120; id += 2) slow.headers(id, request('GET', '/big'), { end: true })
  await waitUntil(
    'all are answered',
    () => [...slow.streams.values()].filter(({ heads }) => heads.length > 0).length === 60,
  )
  // Each has filled its window at the upstream.
  const [peer] = upstream.peers
  await waitUntil(
    'the upstream waits',
    () => [...(peer?.windows.values() ?? [])].filter((window) => window === 0).length === 60,
  )
  const other = client(plane.port)
  for (let id = 1; id < 40; id += 2) other.headers(id, request('GET', '/other'), { end: true })
  await waitUntil(
    'others are answered',
    () => [...other.streams.values()].filter(({ end }) => end === 'end').length === 20,
  )
  expect(upstream.peers.length).toBe(1)
  slow.headers(201, request('GET', '/same'), { end: true })
  slow.windowUpdate(201, 1000)
  await waitUntil('another stream is answered', () => slow.streams.get(201)?.end === 'end')
  slow.socket.destroy()
  await nothingIsLeft(plane)
})

test('a slow upload does not stop other streams of its connection', async () => {
  const upstream = await startUpstream((peer) => {
    answer(peer)
    peer.opensWindows = false
  })
  const plane = await serve(upstream)
  const peer = client(plane.port)
  for (let id = 1; id < 10; id += 2) {
    peer.headers(id, request('POST', '/hold'))
    let left = 1 << 20
    const before = peer.onChange
    peer.onChange = () => {
      before()
      left = peer.pour(id, left)
    }
    left = peer.pour(id, left)
  }
  await waitUntil('uploads wait', () => [...peer.windows.values()].filter((window) => window <= 0).length === 5)
  for (let id = 101; id < 140; id += 2) peer.headers(id, request('GET', '/other'), { end: true })
  await waitUntil('others are answered', () => peer.streams.get(139)?.end === 'end')
  for (let id = 101; id < 140; id += 2) expect(statusOf(peer, id)).toBe('200')
  peer.socket.destroy()
  await nothingIsLeft(plane)
  // And the upstream was told.
  await waitUntil('the uploads are given up', () =>
    [...(upstream.peers[0]?.streams.values() ?? [])].every(({ end }) => end !== undefined),
  )
})

test('a thousand streams over ten connections are served at a time', async () => {
  let waiting: (() => void)[] = []
  const upstream = await startUpstream((peer) => {
    peer.onStream = ({ id }) =>
      waiting.push(() => {
        peer.headers(id, [[':status', '200']])
        peer.data(id, 'ok', { end: true })
      })
  })
  const plane = await serve(upstream)
  const peers = Array.from({ length: 10 }, () => client(plane.port))
  for (const peer of peers) for (let id = 1; id < 200; id += 2) peer.headers(id, request(), { end: true })
  await waitUntil('all have arrived', () => waiting.length === 1000)
  expect(plane.value('envoy_http_downstream_rq_active')).toBe(1000)
  for (const reply of waiting) reply()
  waiting = []
  const statuses = (): string[] => peers.flatMap((peer) => [...peer.streams.keys()].map((id) => statusOf(peer, id)))
  await waitUntil('all are answered', () => statuses().filter((status) => status === '200').length === 1000)
  await nothingIsLeft(plane)
})

test.each(['/big', '/hold'])('a client that disappears in the middle of %s frees everything', async (path) => {
  const upstream = await startUpstream(answer)
  const plane = await serve(upstream)
  const peer = client(plane.port)
  peer.opensWindows = false
  for (let id = 1; id < 40; id += 2) {
    peer.headers(id, request(path === '/big' ? 'GET' : 'POST', path), { end: path === '/big' })
    if (path === '/hold') peer.data(id, 'part of it')
  }
  const arrived = (): number => upstream.peers[0]?.streams.size ?? 0
  await waitUntil('the upstream has them', () => arrived() === 20)
  peer.socket.resetAndDestroy()
  await nothingIsLeft(plane)
  await waitUntil('the upstream is told', () =>
    [...(upstream.peers[0]?.streams.values() ?? [])].every(({ end }) => typeof end === 'number' || path === '/big'),
  )
  expect(plane.value('envoy_http_downstream_cx_active')).toBe(0)
})

/** Asks on connection after connection, as a sound client does when it is told GOAWAY; counts answers. */
class Asker {
  answered = 0
  readonly lost: string[] = []
  stopped = false
  /** GOAWAY came: on to a new connection, if there shall be one. */
  readonly #connect: () => FramePeer | undefined

  constructor(connectAgain: () => FramePeer | undefined) {
    this.#connect = connectAgain
    this.#use(connectAgain())
  }

  #use(peer: FramePeer | undefined): void {
    if (peer === undefined) {
      this.stopped = true
      return
    }
    let id = -1
    const next = (): void => {
      const stream = peer.streams.get(id)
      const goaway = peer.goaways.at(-1)
      if (id > 0 && stream?.end === undefined) {
        // What GOAWAY leaves out, nobody has acted on: it may be asked again.
        if (goaway !== undefined && id > goaway.lastId) this.#use(this.#connect())
        else if (peer.closed) {
          this.lost.push(`${id} with ${JSON.stringify(peer.goaways)}`)
          this.stopped = true
        } else return
        peer.onChange = () => undefined
        return
      }
      if (id > 0) {
        this.answered += 1
        if (statusOf(peer, id) !== '200') this.lost.push(statusOf(peer, id))
      }
      if (goaway !== undefined || peer.closed) {
        peer.onChange = () => undefined
        this.#use(this.#connect())
        return
      }
      id += 2
      peer.headers(id, request('GET', '/x'), { end: true })
    }
    peer.onChange = next
    next()
  }
}

test('a draining upstream loses no request', async () => {
  const upstream = await startUpstream((peer) => {
    let count = 0
    peer.onStream = ({ id }) => {
      count += 1
      // Each connection announces its end while requests are under way, then names the last one that it serves.
      if (count === 30) peer.goaway(0x7fff_ffff)
      if (count === 40) peer.goaway(id)
      if (count > 40) return
      peer.headers(id, [[':status', '200']])
      peer.data(id, 'ok', { end: true })
      if (count === 40) peer.socket.end()
    }
  })
  const plane = await serve(upstream)
  const peers: FramePeer[] = []
  const askers = Array.from(
    { length: 8 },
    () =>
      new Asker(() => {
        const peer = client(plane.port)
        peers.push(peer)
        return peer
      }),
  )
  const answered = (): number => askers.reduce((sum, asker) => sum + asker.answered, 0)
  await waitUntil('many are answered', () => answered() >= 2000)
  expect(askers.flatMap(({ lost }) => lost)).toEqual([])
  expect(upstream.peers.length).toBeGreaterThan(20)
})

test('a draining proxy loses no request', async () => {
  const upstream = await startUpstream(answer)
  const plane = await serve(upstream)
  let draining = false
  const askers = Array.from({ length: 8 }, () => new Asker(() => (draining ? undefined : client(plane.port))))
  const answered = (): number => askers.reduce((sum, asker) => sum + asker.answered, 0)
  await waitUntil('many are answered', () => answered() >= 500)
  draining = true
  await plane.drain()
  await waitUntil('all have stopped', () => askers.every(({ stopped }) => stopped))
  expect(askers.flatMap(({ lost }) => lost)).toEqual([])
  await nothingIsLeft(plane)
})
