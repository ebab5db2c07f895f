/**
 * An upstream may close an idle connection at the very moment in which a request is sent on it. The client must not notice: the
 * request is sent again on a connection that was not used before, and every octet of request and response is as if nothing had been.
 */
import { afterEach, expect, test } from 'bun:test'

import { type ClusterRuntime, createClusterSet } from '../cluster/index.ts'
import { createTestClusterServices, testCluster, testEndpoint } from '../data-plane-configs.fixture.ts'
import { startFixture } from './http-server.fixture.ts'
import { RawClient, type RawConnection, RawServer } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Length of the first request in the text; 0 while it is incomplete. */
function requestLength(text: string): number {
  const head = text.indexOf('\r\n\r\n') + 4
  if (head < 4) return 0
  if (text.slice(0, head).includes('transfer-encoding')) {
    const last = text.indexOf('\r\n0\r\n', head)
    const end = last < 0 ? -1 : text.indexOf('\r\n\r\n', last + 3)
    return end < 0 ? 0 : end + 4
  }
  const total = head + Number(/content-length: (\d+)/.exec(text.slice(0, head))?.[1] ?? 0)
  return text.length < total ? 0 : total
}

type Ending = 'end' | 'abort'

/** Answers each request with the request itself, until it is told to close a connection: what comes then is not read any more. */
class ClosingUpstream {
  readonly server: RawServer
  readonly #closed = new WeakSet<RawConnection>()
  readonly #served = new WeakMap<RawConnection, number>()
  /** Milliseconds for which a connection may idle; 0: for ever. */
  idleMs = 0

  constructor() {
    this.server = new RawServer((connection) => this.#read(connection))
    stops.push(() => this.server.stop())
  }

  /** Closes the connection that served last. */
  close(ending: Ending): void {
    const last = this.server.connections.findLast((connection) => !connection.closed && !this.#closed.has(connection))
    if (last !== undefined) this.#close(last, ending)
  }

  #close(connection: RawConnection, ending: Ending): void {
    this.#closed.add(connection)
    connection[ending]()
  }

  #read(connection: RawConnection): void {
    if (this.#closed.has(connection)) return
    const length = requestLength(connection.received)
    if (length === 0) return
    const request = connection.received.slice(0, length)
    connection.received = connection.received.slice(length)
    connection.send(`HTTP/1.1 200 OK\r\ndate: D\r\ncontent-length: ${length}\r\n\r\n${request}`)
    const turn = (this.#served.get(connection) ?? 0) + 1
    this.#served.set(connection, turn)
    if (this.idleMs === 0) return
    setTimeout(() => {
      if (this.#served.get(connection) !== turn || connection.received !== '' || connection.closed) return
      this.#close(connection, turn % 2 === 0 ? 'abort' : 'end')
    }, this.idleMs)
  }
}

const blob = 'x'.repeat(20_000)

/** What the client sends, and what the upstream must have received. */
const exchanges: ((number: number) => readonly [sent: string, received: string])[] = [
  (number) => [
    `GET /${number} HTTP/1.1\r\nHost: up\r\n\r\n`,
    `GET /${number} HTTP/1.1\r\nHost: up\r\nx-forwarded-proto: http\r\n\r\n`,
  ],
  (number) => [
    `PUT /${number} HTTP/1.1\r\nHost: up\r\nX-A: b\r\nContent-Length: ${blob.length}\r\n\r\n${blob}`,
    `PUT /${number} HTTP/1.1\r\nHost: up\r\nX-A: b\r\ncontent-length: ${blob.length}\r\nx-forwarded-proto: http\r\n\r\n${blob}`,
  ],
  (number) => [
    `PUT /${number} HTTP/1.1\r\nHost: up\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n`,
    `PUT /${number} HTTP/1.1\r\nHost: up\r\ntransfer-encoding: chunked\r\nx-forwarded-proto: http\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n`,
  ],
]

interface Rig {
  readonly upstream: ClosingUpstream
  readonly cluster: ClusterRuntime
  readonly connect: () => Promise<RawClient>
}

function start(): Rig {
  const upstream = new ClosingUpstream()
  const clusters = createClusterSet(createTestClusterServices())
  clusters.put(testCluster('up', { endpoints: [testEndpoint(upstream.server.port)] }))
  const cluster = clusters.get('up')
  if (cluster === undefined) throw new Error('no cluster')
  const fixture = startFixture({ cluster, manager: { generateRequestId: false } })
  stops.push(fixture.stop, () => clusters.close())
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.connect(fixture.port)
    stops.push(() => client.close())
    return client
  }
  return { upstream, cluster, connect }
}

/** Sends the request of this number and returns what came, with the time taken out, and what had to come. */
async function exchange(client: RawClient, number: number, sent?: () => void): Promise<readonly [string, string]> {
  const [request, received] = exchanges[number % exchanges.length]?.(number) ?? ['', '']
  const head = `HTTP/1.1 200 OK\r\ndate: D\r\ncontent-length: ${received.length}\r\nx-envoy-upstream-service-time: N\r\nserver: envoy\r\n\r\n`
  client.received = ''
  client.send(request)
  sent?.()
  for (let look = 0; look < 3000 && !client.over && !client.received.endsWith(received); look += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return [client.received.replace(/service-time: \d+/, 'service-time: N'), head + received]
}

test('a request that meets the close of its idle connection is sent again, octet for octet', async () => {
  const { upstream, cluster, connect } = start()
  const client = await connect()
  let requests = 0
  const replays = (): number => cluster.stats.upstream_rq_total - requests
  for (const [ending, when] of [
    ['end', 'before'],
    ['abort', 'before'],
    ['end', 'with'],
    ['abort', 'with'],
    ['end', 'after'],
    ['abort', 'after'],
  ] as const) {
    for (let turn = 0; turn < 60; turn += 1) {
      if (when === 'before') upstream.close(ending)
      const number = requests
      const [seen, expected] = await exchange(client, number, () => {
        if (when === 'with') upstream.close(ending)
        if (when === 'after') queueMicrotask(() => upstream.close(ending))
      })
      requests += 1
      expect(seen).toBe(expected)
    }
  }
  expect(client.over).toBe(false)
  // The race was met, not only avoided.
  expect(replays()).toBeGreaterThan(0)
  expect([cluster.activeRequests, cluster.pendingRequests]).toEqual([0, 0])
})

test('an upstream that closes connections after a few idle milliseconds fails no request', async () => {
  const { upstream, cluster, connect } = start()
  upstream.idleMs = 3
  let requests = 0
  const visit = async (visitor: number): Promise<void> => {
    const client = await connect()
    for (let turn = 0; turn < 80; turn += 1) {
      requests += 1
      const [seen, expected] = await exchange(client, visitor * 1000 + turn)
      expect(seen).toBe(expected)
      // The requests come around the moment of the close.
      await Bun.sleep(2 + ((turn + visitor) % 3))
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, visitor) => visit(visitor)))
  expect(requests).toBe(640)
  expect(cluster.stats.upstream_cx_total).toBeGreaterThan(8)
  expect([cluster.activeRequests, cluster.pendingRequests]).toEqual([0, 0])
})
