/** Requests that wait for a connection, with the real clusters and pools. */
import { afterEach, describe, expect, test } from 'bun:test'

import { ResponseFlag } from '../../telemetry/index.ts'
import { type ClusterRuntime, type ClusterSet, createClusterSet } from '../cluster/index.ts'
import type { ClusterConfig } from '../config/index.ts'
import { createTestClusterServices, testCluster, testEndpoint } from '../data-plane-configs.fixture.ts'
import { RetryOn } from '../route/index.ts'
import { type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { okResponse, RawClient, type RawConnection, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const logs = [{ path: '/dev/null', format: '', json: undefined }]

/** An upstream that answers when it is told to, each request with its own path. */
class HeldUpstream {
  readonly held: { readonly path: string; readonly connection: RawConnection }[] = []
  /** Paths in the order in which they came. */
  readonly paths: string[] = []
  readonly server: RawServer
  readonly #read = new WeakMap<RawConnection, number>()

  constructor() {
    this.server = new RawServer((connection) => {
      for (;;) {
        const from = this.#read.get(connection) ?? 0
        const end = connection.received.indexOf('\r\n\r\n', from)
        if (end < 0) return
        this.#read.set(connection, end + 4)
        const path = connection.received.slice(from).split(' ')[1] ?? ''
        this.paths.push(path)
        this.held.push({ path, connection })
      }
    })
    stops.push(() => this.server.stop())
  }

  /** Answers the request that has been held longest. */
  answer(lines = ''): void {
    const first = this.held.shift()
    first?.connection.send(okResponse(first.path, lines))
    if (lines.includes('close')) first?.connection.end()
  }
}

interface Rig {
  readonly fixture: Fixture
  readonly cluster: ClusterRuntime
  readonly clusters: ClusterSet
  readonly put: (limits: Partial<ClusterConfig['limits']>) => void
}

function start(ports: readonly number[], limits: Partial<ClusterConfig['limits']>, options: FixtureOptions = {}): Rig {
  const clusters = createClusterSet(createTestClusterServices())
  const endpoints = ports.map((port) => testEndpoint(port))
  const all = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 }
  const put = (changed: Partial<ClusterConfig['limits']>): void =>
    clusters.put(testCluster('up', { endpoints, limits: { ...all, ...changed } }))
  put(limits)
  const cluster = clusters.get('up')
  if (cluster === undefined) throw new Error('no cluster')
  const fixture = startFixture({ ...options, cluster, manager: { accessLogs: logs, ...options.manager } })
  stops.push(fixture.stop, () => clusters.close())
  return { fixture, cluster, clusters, put }
}

async function ask(fixture: Fixture, path: string): Promise<RawClient> {
  const client = await RawClient.connect(fixture.port)
  stops.push(() => client.close())
  client.send(`GET ${path} HTTP/1.1\r\nHost: up\r\n\r\n`)
  return client
}

const bodyOf = (client: RawClient): string => client.received.slice(client.received.indexOf('\r\n\r\n') + 4)

describe('a cluster at its limit of connections', () => {
  test('makes further requests wait and serves them first in, first out, on the connection that becomes free', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster } = start([upstream.server.port], { maxConnections: 1 })
    const clients: RawClient[] = []
    for (let index = 0; index < 5; index += 1) {
      clients.push(await ask(fixture, `/${index}`))
      await until(() => upstream.held.length === 1 && cluster.pendingRequests === index)
    }
    expect(cluster.activeRequests).toBe(1)
    for (const [index, client] of clients.entries()) {
      await until(() => upstream.held.length === 1)
      upstream.answer()
      await client.sees(`/${index}`)
      expect(client.received).toStartWith('HTTP/1.1 200 ')
    }
    expect(upstream.paths).toEqual(['/0', '/1', '/2', '/3', '/4'])
    expect(upstream.server.connections).toHaveLength(1)
    expect(cluster.stats.upstream_cx_total).toBe(1)
    expect(cluster.stats.upstream_cx_overflow).toBe(4)
    expect(cluster.stats.upstream_rq_pending_total).toBe(5)
    expect(cluster.stats.upstream_rq_total).toBe(5)
    expect([cluster.pendingRequests, cluster.activeRequests]).toEqual([0, 0])
  })

  test('answers 503 UO at once when the queue is full', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster } = start([upstream.server.port], { maxConnections: 1, maxPendingRequests: 1 })
    await ask(fixture, '/active')
    await until(() => upstream.held.length === 1)
    await ask(fixture, '/waiting')
    await until(() => cluster.pendingRequests === 1)
    const refused = await ask(fixture, '/refused')
    expect(await refused.sees('overflow')).toStartWith('HTTP/1.1 503 ')
    expect(refused.received).toContain('x-envoy-overloaded: true\r\n')
    expect(fixture.logged.at(-1)).toMatchObject({ status: 503, flags: ResponseFlag.UO, upstreamHost: '' })
    expect(cluster.stats.upstream_rq_pending_overflow).toBe(1)
    upstream.answer()
    await until(() => upstream.paths.includes('/waiting'))
    expect(cluster.pendingRequests).toBe(0)
  })

  test('a request whose client goes away leaves the queue, and the next one is served', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster } = start([upstream.server.port], { maxConnections: 1 })
    await ask(fixture, '/active')
    await until(() => upstream.held.length === 1)
    const gone = await ask(fixture, '/gone')
    await until(() => cluster.pendingRequests === 1)
    const patient = await ask(fixture, '/patient')
    await until(() => cluster.pendingRequests === 2)
    gone.close()
    await until(() => cluster.pendingRequests === 1)
    expect(fixture.logged.at(-1)?.flags).toBe(ResponseFlag.DC)
    upstream.answer()
    await until(() => upstream.held.length === 1)
    upstream.answer()
    await patient.sees('/patient')
    expect(upstream.paths).toEqual(['/active', '/patient'])
  })

  test('the route timeout counts while a request waits', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster } = start(
      [upstream.server.port],
      { maxConnections: 1 },
      { decide: (request) => ({ ...plainForward, timeoutMs: request.path === '/waiting' ? 30 : 0 }) },
    )
    await ask(fixture, '/active')
    await until(() => upstream.held.length === 1)
    const waiting = await ask(fixture, '/waiting')
    expect(await waiting.sees('upstream request timeout')).toStartWith('HTTP/1.1 504 ')
    expect(fixture.logged.at(-1)?.flags).toBe(ResponseFlag.UT)
    expect([cluster.pendingRequests, cluster.activeRequests, cluster.stats.upstream_rq_timeout]).toEqual([0, 1, 1])
    expect(upstream.paths).toEqual(['/active'])
  })

  test('a connection that closes makes room for a new one', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster } = start([upstream.server.port], { maxConnections: 1 })
    const clients = [await ask(fixture, '/0')]
    await until(() => upstream.held.length === 1)
    clients.push(await ask(fixture, '/1'))
    await until(() => cluster.pendingRequests === 1)
    upstream.answer('Connection: close\r\n')
    await until(() => upstream.held.length === 1)
    upstream.answer()
    await clients[1]?.sees('/1')
    expect(clients.map(bodyOf)).toEqual(['/0', '/1'])
    expect(upstream.server.connections).toHaveLength(2)
  })

  test('an endpoint without connections may have one, and one that waits opens when another endpoint closes one', async () => {
    const [one, two] = [new HeldUpstream(), new HeldUpstream()]
    const { fixture, cluster } = start([one.server.port, two.server.port], { maxConnections: 1 })
    for (const path of ['/0', '/1']) await ask(fixture, path)
    await until(() => one.held.length === 1 && two.held.length === 1)
    expect(cluster.connections).toBe(2)
    const waiting = [await ask(fixture, '/2'), await ask(fixture, '/3')]
    await until(() => cluster.pendingRequests === 2)
    for (const upstream of [one, two]) upstream.answer('Connection: close\r\n')
    await until(() => one.held.length === 1 && two.held.length === 1)
    for (const upstream of [one, two]) upstream.answer()
    for (const client of waiting) await client.sees('200 OK')
    expect(cluster.pendingRequests).toBe(0)
  })

  test('a higher limit opens connections for those who wait', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster, put } = start([upstream.server.port], { maxConnections: 1 })
    for (const path of ['/0', '/1', '/2']) await ask(fixture, path)
    await until(() => upstream.held.length === 1 && cluster.pendingRequests === 2)
    put({ maxConnections: 3 })
    await until(() => upstream.held.length === 3)
    expect([cluster.pendingRequests, cluster.activeRequests, cluster.connections]).toEqual([0, 3, 3])
  })

  test('every request of a crowd is answered once, and every count returns to zero', async () => {
    const upstream = new RawServer((connection) => {
      const path = connection.received.split(' ')[1] ?? ''
      connection.received = ''
      // Some connections end with their answer: new ones must follow.
      const last = path.endsWith('7')
      setImmediate(() => {
        connection.send(okResponse(path, last ? 'Connection: close\r\n' : ''))
        if (last) connection.end()
      })
    })
    stops.push(() => upstream.stop())
    const { fixture, cluster } = start([upstream.port], { maxConnections: 3 })
    const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(fixture.port)))
    for (let turn = 0; turn < 10; turn += 1) {
      for (const [index, client] of clients.entries()) {
        client.received = ''
        client.send(`GET /${turn}-${index} HTTP/1.1\r\nHost: up\r\n\r\n`)
      }
      for (const [index, client] of clients.entries()) {
        await client.sees('\r\n\r\n/')
        expect(bodyOf(client)).toBe(`/${turn}-${index}`)
      }
      expect(cluster.connections).toBeLessThanOrEqual(3)
    }
    expect([cluster.pendingRequests, cluster.activeRequests]).toEqual([0, 0])
    expect(cluster.stats.upstream_rq_total).toBe(400)
    for (const client of clients) client.close()
  })
})

describe('requests without an idle connection', () => {
  test('max_requests counts requests that have a connection; the connection that was refused one serves another', async () => {
    const upstream = new HeldUpstream()
    const { fixture, cluster } = start([upstream.server.port], { maxRequests: 1 })
    const first = await ask(fixture, '/0')
    await until(() => upstream.held.length === 1)
    const second = await ask(fixture, '/1')
    expect(await second.sees('overflow')).toStartWith('HTTP/1.1 503 ')
    expect(fixture.logged.at(-1)?.flags).toBe(ResponseFlag.UO)
    upstream.answer()
    await first.sees('/0')
    await ask(fixture, '/2')
    await until(() => upstream.held.length === 1)
    expect(upstream.server.connections.length).toBeLessThanOrEqual(2)
    expect(cluster.stats.upstream_rq_total).toBe(2)
  })

  test('all fail when no connection can be had, and a retry goes elsewhere', async () => {
    const closed = new RawServer(() => undefined)
    const { port } = closed
    closed.stop()
    const upstream = new HeldUpstream()
    const retry = {
      attempts: 2,
      on: RetryOn.connectFailure,
      retriableStatusCodes: [],
      perTryTimeoutMs: 0,
      backoffBaseMs: 1,
      backoffMaxMs: 1,
      avoidPreviousHosts: true,
      hostSelectionAttempts: 5,
    }
    const { fixture, cluster } = start(
      [port, upstream.server.port],
      { maxConnections: 1, maxRetries: 10 },
      { decide: () => ({ ...plainForward, retry }) },
    )
    const clients = await Promise.all(['/0', '/1', '/2', '/3'].map((path) => ask(fixture, path)))
    for (const _ of clients) {
      await until(() => upstream.held.length === 1)
      upstream.answer()
    }
    for (const client of clients) expect(await client.sees('\r\n\r\n/')).toStartWith('HTTP/1.1 200 ')
    expect(cluster.stats.upstream_rq_pending_failure_eject).toBe(2)
    expect([cluster.pendingRequests, cluster.activeRequests, cluster.activeRetries]).toEqual([0, 0, 0])
  })
})
