/**
 * POSTs over idle connections: what may have been acted on is never sent twice, so it must not meet a connection that the upstream is about to
 * close; and where it is proved that nothing of it arrived, it is sent again.
 */
import { afterEach, expect, test } from 'bun:test'

import { createDeliveryProbe } from '../../net/index.ts'
import { type ClusterRuntime, createClusterSet } from '../cluster/index.ts'
import { createTestClusterServices, testCluster, testEndpoint } from '../data-plane-configs.fixture.ts'
import { startFixture } from './http-server.fixture.ts'
import { RawClient, type RawConnection, RawServer } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Answers each POST, and closes connections that idle. */
class ImpatientUpstream {
  readonly server: RawServer
  /** Milliseconds for which a connection may idle; 0: for ever. */
  idleMs = 0
  /** Connections that were closed for their idleness. */
  timeouts = 0
  served = 0
  /** Fields of each response. */
  fields = ''
  readonly #turns = new WeakMap<RawConnection, number>()

  constructor() {
    this.server = new RawServer((connection) => this.#read(connection))
    stops.push(() => this.server.stop())
  }

  /** The connection that is open. */
  get last(): RawConnection | undefined {
    return this.server.connections.findLast((connection) => !connection.closed)
  }

  #read(connection: RawConnection): void {
    if (!connection.received.endsWith('body')) return
    connection.received = ''
    this.served += 1
    connection.send(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${this.fields}\r\nok`)
    const turn = (this.#turns.get(connection) ?? 0) + 1
    this.#turns.set(connection, turn)
    if (this.idleMs === 0) return
    setTimeout(() => {
      if (this.#turns.get(connection) !== turn || connection.received !== '' || connection.closed) return
      this.timeouts += 1
      connection.end()
    }, this.idleMs)
  }
}

interface Rig {
  readonly upstream: ImpatientUpstream
  readonly cluster: ClusterRuntime
  readonly client: RawClient
}

async function start(): Promise<Rig> {
  const upstream = new ImpatientUpstream()
  const clusters = createClusterSet(createTestClusterServices({ delivery: createDeliveryProbe() }))
  clusters.put(testCluster('up', { endpoints: [testEndpoint(upstream.server.port)] }))
  const cluster = clusters.get('up')
  if (cluster === undefined) throw new Error('no cluster')
  const fixture = startFixture({ cluster })
  const client = await RawClient.connect(fixture.port)
  stops.push(
    fixture.stop,
    () => clusters.close(),
    () => client.close(),
  )
  return { upstream, cluster, client }
}

/** Sends one POST and returns the status of its answer. */
async function post(client: RawClient, sent?: () => void): Promise<string> {
  client.received = ''
  client.send('POST / HTTP/1.1\r\nHost: up\r\nContent-Length: 4\r\n\r\nbody')
  sent?.()
  for (let look = 0; look < 20_000 && !client.over && !/\r\n\r\nok$|HTTP\/1.1 [^2]/.test(client.received); look += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return client.received.slice(9, 12)
}

test.if(process.platform === 'linux')('a POST that meets the end of its idle connection is sent again', async () => {
  const { upstream, cluster, client } = await start()
  const statuses = new Set<string>()
  for (let turn = 0; turn < 100; turn += 1) {
    statuses.add(await post(client))
    const { last } = upstream
    // Closed before the request is written: the pool has not heard of it.
    statuses.add(await post(client, () => last?.end()))
  }
  expect([...statuses]).toEqual(['200'])
  expect([upstream.served, client.over]).toEqual([200, false])
  // Both ways were gone: the end was seen before the request was written, and after.
  expect(cluster.stats.upstream_rq_total).toBeGreaterThan(200)
  expect([cluster.activeRequests, cluster.pendingRequests]).toEqual([0, 0])
})

test('a POST that may have arrived is not sent again', async () => {
  const { upstream, client } = await start()
  expect(await post(client)).toBe('200')
  let read = 0
  const { last } = upstream
  if (last === undefined) throw new Error('no connection')
  Object.defineProperty(last, 'received', {
    get: () => '',
    set: () => {
      read += 1
      last.end()
    },
  })
  expect(await post(client)).toBe('503')
  expect([read, upstream.served]).toEqual([1, 1])
})

test('an upstream that closes idle connections fails no POST of a steady trickle', async () => {
  const { upstream, cluster, client } = await start()
  upstream.idleMs = 100
  // The pool sees how long connections live.
  for (let round = 1; round <= 2; round += 1) {
    expect(await post(client)).toBe('200')
    for (let look = 0; look < 10_000 && (upstream.timeouts < round || cluster.connections > 0); look += 1)
      await Bun.sleep(1)
  }
  const opened = cluster.stats.upstream_cx_total
  const statuses: string[] = []
  // The gaps lie on both sides of the time-out, and on it.
  for (const gap of [5, 60, 98, 99, 100, 101, 102, 130, 97, 98, 99, 100, 101, 70, 5]) {
    statuses.push(await post(client))
    await Bun.sleep(gap)
  }
  expect(statuses).toEqual(statuses.map(() => '200'))
  expect(upstream.served).toBe(17)
  expect(cluster.stats.upstream_cx_total).toBeGreaterThan(opened)
  expect(cluster.stats.upstream_rq_total).toBeGreaterThanOrEqual(17)
})

test('an upstream that says how long it keeps idle connections is believed', async () => {
  const { upstream, cluster, client } = await start()
  upstream.fields = 'connection: keep-alive\r\nkeep-alive: timeout=0, max=100\r\n'
  for (let turn = 0; turn < 3; turn += 1) expect(await post(client)).toBe('200')
  expect(cluster.stats.upstream_cx_total).toBe(3)
  upstream.fields = 'connection: keep-alive\r\nkeep-alive: max=9, timeout=60\r\n'
  for (let turn = 0; turn < 4; turn += 1) expect(await post(client)).toBe('200')
  expect(cluster.stats.upstream_cx_total).toBe(4)
})
