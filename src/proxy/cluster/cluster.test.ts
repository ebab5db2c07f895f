import { afterEach, describe, expect, test } from 'bun:test'
import { createSocketBudget, type StreamSocket } from '../../net/index.ts'
import { createTestAuthority } from '../../net/certificates.fixture.ts'
import {
  createEchoOwner,
  createRecordingOwner,
  createTestServer,
  type TestServer,
  until,
} from '../../net/sockets.fixture.ts'
import type { ClientTlsConfig } from '../config/index.ts'
import { createTestClusterServices, testCluster, testEndpoint } from '../data-plane-configs.fixture.ts'
import {
  type ClusterRuntime,
  type ClusterSet,
  type ConnectOutcome,
  createClusterSet,
  type EndpointRuntime,
  PendingTicket,
} from './index.ts'

const servers: TestServer[] = []
const sets: ClusterSet[] = []

afterEach(() => {
  for (const set of sets.splice(0)) set.close()
  for (const server of servers.splice(0)) server[Symbol.dispose]()
})

function server(serve = () => createEchoOwner()): TestServer {
  const made = createTestServer(serve)
  servers.push(made)
  return made
}

function clusterSet(services = createTestClusterServices()): ClusterSet {
  const set = createClusterSet(services)
  sets.push(set)
  return set
}

function get(set: ClusterSet, name = 'c'): ClusterRuntime {
  const cluster = set.get(name)
  if (cluster === undefined) throw new Error('no cluster')
  return cluster
}

function pick(cluster: ClusterRuntime, destination = ''): EndpointRuntime {
  const endpoint = cluster.pick(undefined, destination)
  if (endpoint === undefined) throw new Error('no endpoint')
  return endpoint
}

function connect(endpoint: EndpointRuntime, owner = createRecordingOwner()): Promise<ConnectOutcome> {
  return new Promise((resolve) => endpoint.connect(owner, resolve))
}

async function open(endpoint: EndpointRuntime): Promise<StreamSocket> {
  const outcome = await connect(endpoint)
  if (outcome.kind === 'failed') throw new Error(outcome.message)
  return outcome.socket
}

describe('connection pool', () => {
  test('takeIdle() gives the connection used last, with its owner', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)] }))
    const endpoint = pick(get(set))
    const [first, second] = [await open(endpoint), await open(endpoint)]
    const owner = createRecordingOwner()
    second.data = owner
    endpoint.putIdle(first)
    endpoint.putIdle(second)
    const taken = endpoint.takeIdle()
    expect(taken).toBe(second)
    expect(taken?.data).toBe(owner)
    expect(endpoint.takeIdle()).toBe(first)
    expect(endpoint.takeIdle()).toBeUndefined()
  })

  test('where a PROXY protocol header is wanted, none connects without ends to tell', async () => {
    const upstream = server()
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(upstream.port)], proxyProtocol: 1 }))
    const endpoint = pick(get(set))
    expect(await connect(endpoint)).toMatchObject({
      kind: 'failed',
      message: 'upstream_proxy_protocol is implemented for tcp_proxy only, not for HTTP',
    })
    const [source, destination] = [
      { address: '192.0.2.1', port: 1 },
      { address: '192.0.2.2', port: 2 },
    ]
    const owner = createRecordingOwner()
    const outcome = await new Promise<ConnectOutcome>((resolve) => {
      endpoint.connect(owner, resolve, { conveyed: { source, destination } })
    })
    expect(outcome.kind).toBe('connected')
    await until(() => owner.text() !== '', 'the echo')
    expect(owner.text()).toBe('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')
  })

  test.each([
    ['closes', (socket: StreamSocket) => socket.end()],
    ['resets', (socket: StreamSocket) => socket.terminate()],
    ['speaks', (socket: StreamSocket) => void socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n')],
  ])('an idle connection is dropped when the peer %s', async (_title, act) => {
    const upstream = server()
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(upstream.port)] }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    endpoint.putIdle(await open(endpoint))
    await until(() => upstream.sockets.length === 1, 'the accepted connection')
    for (const socket of upstream.sockets) act(socket)
    await until(() => cluster.connections === 0, 'the pool to notice')
    expect(endpoint.takeIdle()).toBeUndefined()
  })

  test('an idle connection is closed after the idle timeout', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)], idleTimeoutMs: 30 }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    endpoint.putIdle(await open(endpoint))
    expect(cluster.connections).toBe(1)
    await until(() => cluster.connections === 0, 'the idle timeout')
  })

  test('admitsPool() lets no more endpoints have connections than max_connection_pools', async () => {
    const set = clusterSet()
    const limits = { maxConnections: 9, maxPendingRequests: 9, maxRequests: 9, maxRetries: 1, maxConnectionPools: 1 }
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port), testEndpoint(server().port)], limits }))
    const cluster = get(set)
    const first = pick(cluster)
    const second = pick(cluster)
    expect([cluster.admitsPool?.(first), cluster.admitsPool?.(second)]).toEqual([true, true])
    const socket = await open(first)
    expect([cluster.admitsPool?.(first), cluster.admitsPool?.(second)]).toEqual([true, false])
    expect(cluster.stats.upstream_cx_pool_overflow).toBe(1)
    first.putIdle(socket)
    expect(cluster.admitsPool?.(second)).toBe(false)
    socket.end()
    await until(() => cluster.connections === 0, 'the close to be counted')
    expect(cluster.admitsPool?.(second)).toBe(true)
  })

  test('connect() beyond the limit is an overflow, but an endpoint without connections may have one', async () => {
    const set = clusterSet()
    const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1, maxRetries: 1 }
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port), testEndpoint(server().port)], limits }))
    const cluster = get(set)
    const first = pick(cluster)
    const second = pick(cluster)
    const socket = await open(first)
    expect(await connect(first)).toMatchObject({ kind: 'failed', reason: 'overflow' })
    expect(cluster.stats.upstream_cx_overflow).toBe(1)
    await open(second)
    socket.end()
    await until(() => cluster.connections === 1, 'the close to be counted')
    expect(await connect(second)).toMatchObject({ kind: 'failed', reason: 'overflow' })
    expect((await connect(first)).kind).toBe('connected')
  })

  test('connect() fails as overflow when the process has no descriptor left', async () => {
    const budget = createSocketBudget({ fileDescriptors: 0 })
    const set = clusterSet(createTestClusterServices({ budget }))
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)] }))
    const cluster = get(set)
    const sockets = [await open(pick(cluster)), await open(pick(cluster))]
    expect(await connect(pick(cluster))).toMatchObject({ kind: 'failed', reason: 'overflow' })
    for (const socket of sockets) socket.end()
    await until(() => budget.upstream === 0, 'the descriptors to come back')
  })

  test('connect() reports a refused connection and counts it once', async () => {
    const gone = server()
    gone[Symbol.dispose]()
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(gone.port)] }))
    const cluster = get(set)
    expect(await connect(pick(cluster))).toMatchObject({ kind: 'failed', reason: 'refused' })
    expect(cluster.connections).toBe(0)
    expect(cluster.stats.upstream_cx_connect_fail).toBe(1)
  })

  test('cancel() keeps done from being called and closes the connection', async () => {
    const upstream = server()
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(upstream.port)] }))
    const cluster = get(set)
    let called = false
    pick(cluster)
      .connect(createRecordingOwner(), () => {
        called = true
      })
      .cancel()
    expect(cluster.connections).toBe(0)
    await connect(pick(cluster))
    await until(() => upstream.sockets.some(({ readyState }) => readyState <= 0), 'the cancelled connection to close')
    expect(called).toBe(false)
  })

  test('connect() reaches a pipe', async () => {
    const path = `/tmp/weft-test-${process.pid}-${Math.random().toString(36).slice(2)}.sock`
    const listener = Bun.listen({ unix: path, socket: { data: (socket, bytes) => void socket.write(bytes) } })
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(0, { address: path })] }))
    const owner = createRecordingOwner()
    const outcome = await connect(pick(get(set)), owner)
    if (outcome.kind === 'failed') throw new Error(outcome.message)
    outcome.socket.write('hi')
    await until(() => owner.text() === 'hi', 'the echo')
    outcome.socket.end()
    listener.stop(true)
  })
})

describe('TCP keep-alive', () => {
  test('connect() sets what the configuration of this moment says', async () => {
    const given: unknown[] = []
    const set = clusterSet(createTestClusterServices({ setKeepalive: (_, keepalive) => given.push(keepalive) > 0 }))
    const endpoints = [testEndpoint(server().port)]
    const tcpKeepalive = { idleSeconds: 60, intervalSeconds: 7, probes: 3 }
    set.put(testCluster('c', { endpoints, tcpKeepalive }))
    await open(pick(get(set)))
    set.put(testCluster('c', { endpoints, tcpKeepalive: { probes: 4 } }))
    await open(pick(get(set)))
    set.put(testCluster('c', { endpoints }))
    await open(pick(get(set)))
    expect(given).toEqual([tcpKeepalive, { probes: 4 }])
  })
})

/** A request that waits; says in `log` what it was told. */
function waiting(name: string, log: string[], takes = true): PendingTicket & { socket?: StreamSocket } {
  const ticket: PendingTicket & { socket?: StreamSocket } = new PendingTicket({
    onConnection: (socket, fresh) => {
      log.push(`${name} ${fresh ? 'fresh' : 'used'}${takes ? '' : ' refused'}`)
      if (takes) ticket.socket = socket
      return takes
    },
    onConnectionFailed: ({ reason }) => log.push(`${name} ${reason}`),
  })
  return ticket
}

describe('queue of an endpoint', () => {
  const limited = { maxConnections: 1, maxPendingRequests: 9, maxRequests: 9, maxRetries: 1 }

  test('enqueue() counts as pending until a connection is there, also while it is being opened', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)] }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const log: string[] = []
    for (const name of ['a', 'b']) endpoint.enqueue(waiting(name, log))
    expect([cluster.pendingRequests, cluster.connections, log]).toEqual([2, 2, []])
    await until(() => log.length === 2, 'both')
    expect(log).toEqual(['a fresh', 'b fresh'])
    expect(cluster.pendingRequests).toBe(0)
  })

  test('a connection that becomes free goes to the first in line, though one is being opened for it', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)] }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const socket = await open(endpoint)
    const log: string[] = []
    endpoint.enqueue(waiting('a', log))
    endpoint.putIdle(socket)
    expect(log).toEqual(['a used'])
    await until(() => endpoint.takeIdle() !== undefined, 'the connection opened in vain to be kept')
    expect(log).toEqual(['a used'])
  })

  test('who does not take the connection leaves it to the next, and at last to the pool', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)], limits: limited }))
    const endpoint = pick(get(set))
    const socket = await open(endpoint)
    const log: string[] = []
    for (const name of ['a', 'b']) endpoint.enqueue(waiting(name, log, false))
    endpoint.putIdle(socket)
    expect(log).toEqual(['a used refused', 'b used refused'])
    expect(endpoint.takeIdle()).toBe(socket)
  })

  test('who wants a fresh connection at the limit is given the place of the one that becomes free', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)], limits: limited }))
    const endpoint = pick(get(set))
    const socket = await open(endpoint)
    const log: string[] = []
    const picky = waiting('picky', log)
    picky.freshOnly = true
    endpoint.enqueue(picky)
    const other = waiting('other', log)
    endpoint.enqueue(other)
    endpoint.putIdle(socket)
    expect(log).toEqual(['other used'])
    endpoint.putIdle(socket)
    await until(() => log.length === 2, 'the new connection')
    expect(log).toEqual(['other used', 'picky fresh'])
  })

  test('dequeue() is heard by nobody, twice and from an empty queue too', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)], limits: limited }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const socket = await open(endpoint)
    const log: string[] = []
    const tickets = ['a', 'b', 'c'].map((name) => waiting(name, log))
    for (const ticket of tickets) endpoint.enqueue(ticket)
    for (const ticket of [tickets[1], tickets[1], tickets[0]]) if (ticket !== undefined) endpoint.dequeue(ticket)
    expect(cluster.pendingRequests).toBe(1)
    endpoint.putIdle(socket)
    expect(log).toEqual(['c used'])
    for (const ticket of tickets) endpoint.dequeue(ticket)
    expect(cluster.pendingRequests).toBe(0)
  })

  test('who waits at an endpoint that is removed is still served, and then the connection is closed', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)], limits: limited }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const socket = await open(endpoint)
    const log: string[] = []
    endpoint.enqueue(waiting('a', log))
    set.put(testCluster('c', { endpoints: [], limits: limited }))
    expect(cluster.pendingRequests).toBe(1)
    endpoint.putIdle(socket)
    expect(log).toEqual(['a used'])
    endpoint.putIdle(socket)
    expect(endpoint.takeIdle()).toBeUndefined()
    await until(() => cluster.connections === 0, 'the connection to close')
  })

  test('a failed attempt fails one while others are under way, and all with the last', async () => {
    const gone = server()
    gone[Symbol.dispose]()
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(gone.port)], limits: { ...limited, maxConnections: 2 } }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const log: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) endpoint.enqueue(waiting(name, log))
    await until(() => log.length === 4, 'all to fail')
    expect(log).toEqual(['a refused', 'b refused', 'c refused', 'd refused'])
    expect([cluster.pendingRequests, cluster.connections]).toEqual([0, 0])
    expect(cluster.stats.upstream_rq_pending_failure_eject).toBe(4)
  })
})

describe('endpoint updates', () => {
  test('putEndpoints() keeps the runtime of an address that stays and closes idle connections of one that goes', async () => {
    const [one, two] = [server(), server()]
    const set = clusterSet()
    set.put(testCluster('c', { discovery: 'eds', edsName: 'svc' }))
    const cluster = get(set)
    expect(cluster.pick(undefined, '')).toBeUndefined()
    set.putEndpoints({ clusterName: 'svc', endpoints: [testEndpoint(one.port), testEndpoint(two.port)] })
    const endpoints = [pick(cluster), pick(cluster)]
    for (const endpoint of endpoints) endpoint.putIdle(await open(endpoint))
    set.putEndpoints({ clusterName: 'svc', endpoints: [testEndpoint(one.port, { weight: 3 })] })
    const kept = pick(cluster)
    expect(endpoints).toContain(kept)
    expect(kept.config.weight).toBe(3)
    await until(() => cluster.connections === 1, "the removed endpoint's idle connection to close")
    expect(kept.takeIdle()).toBeDefined()
  })

  test('putIdle() closes a connection of a removed endpoint', async () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(server().port)] }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const socket = await open(endpoint)
    set.put(testCluster('c', { endpoints: [] }))
    endpoint.putIdle(socket)
    expect(endpoint.takeIdle()).toBeUndefined()
    await until(() => cluster.connections === 0, 'the connection to close')
  })

  test('draining and unhealthy endpoints are not picked', () => {
    const set = clusterSet()
    const endpoints = [
      testEndpoint(1, { health: 'draining' }),
      testEndpoint(2, { health: 'unhealthy' }),
      testEndpoint(3),
    ]
    set.put(testCluster('c', { endpoints }))
    for (let turn = 0; turn < 10; turn += 1) expect(pick(get(set)).config.port).toBe(3)
  })

  test('putEndpoints() before the cluster is kept for it', () => {
    const set = clusterSet()
    set.putEndpoints({ clusterName: 'svc', endpoints: [testEndpoint(7)] })
    set.put(testCluster('c', { discovery: 'eds', edsName: 'svc' }))
    expect(pick(get(set)).authority).toBe('127.0.0.1:7')
  })
})

describe('discovery', () => {
  test('strict DNS makes an endpoint of each address and keeps the last ones when a name stops resolving', async () => {
    let answers: readonly string[] = ['127.0.0.2', '127.0.0.3']
    let asked = 0
    const resolver = {
      resolve: (name: string) => {
        asked += 1
        return Promise.resolve(name === 'db.local' ? answers : [])
      },
    }
    const set = clusterSet(createTestClusterServices({ resolver }))
    const endpoints = [testEndpoint(5432, { address: 'db.local' })]
    set.put(testCluster('c', { discovery: 'strict-dns', endpoints, dnsRefreshMs: 10 }))
    const cluster = get(set)
    await until(() => cluster.pick(undefined, '') !== undefined, 'the first resolution')
    expect([pick(cluster).authority, pick(cluster).authority].sort()).toEqual(['127.0.0.2:5432', '127.0.0.3:5432'])
    answers = []
    const before = asked
    await until(() => asked > before + 1, 'a refresh without an answer')
    expect(cluster.pick(undefined, '')).toBeDefined()
    answers = ['127.0.0.9']
    await until(() => pick(cluster).authority === '127.0.0.9:5432', 'the new address')
  })

  test('logical DNS uses the first address only', async () => {
    const resolver = { resolve: () => Promise.resolve(['127.0.0.4', '127.0.0.5']) }
    const set = clusterSet(createTestClusterServices({ resolver }))
    set.put(testCluster('c', { discovery: 'logical-dns', endpoints: [testEndpoint(1, { address: 'x' })] }))
    const cluster = get(set)
    await until(() => cluster.pick(undefined, '') !== undefined, 'the resolution')
    expect([pick(cluster).authority, pick(cluster).authority]).toEqual(['127.0.0.4:1', '127.0.0.4:1'])
  })

  test('an original-destination cluster goes where the client meant to go, never to ourselves or to nowhere', async () => {
    const upstream = server()
    const set = clusterSet(createTestClusterServices({ isOwnListener: (_address, port) => port === 15001 }))
    set.put(testCluster('c', { discovery: 'original-dst', balancer: { kind: 'original-dst' } }))
    const cluster = get(set)
    const endpoint = pick(cluster, `127.0.0.1:${upstream.port}`)
    expect(pick(cluster, `127.0.0.1:${upstream.port}`)).toBe(endpoint)
    expect((await connect(endpoint)).kind).toBe('connected')
    for (const nowhere of ['', 'reviews:80', '127.0.0.1:15001', '127.0.0.1:0', '127.0.0.1:99999'])
      expect(cluster.pick(undefined, nowhere)).toBeUndefined()
  })
})

describe('TLS to endpoints', () => {
  const tls: ClientTlsConfig = {
    certificate: { kind: 'named', name: 'default' },
    validation: { kind: 'named', name: 'ROOTCA' },
    subjectAltNames: [{ type: 'uri', match: { kind: 'exact', value: 'spiffe://cluster.local/ns/a/sa/b' } }],
    sni: undefined,
    alpn: ['istio'],
    minVersion: 'TLSv1.3',
  }

  test('an endpoint is unreachable until the secrets are there, never plain text', async () => {
    const services = createTestClusterServices()
    const upstream = server()
    const set = clusterSet(services)
    const labels = new Map([['tlsMode', 'istio']])
    set.put(
      testCluster('c', {
        endpoints: [testEndpoint(upstream.port, { transportLabels: labels })],
        transportMatches: [{ name: 'tls', match: labels, tls }],
      }),
    )
    const endpoint = pick(get(set))
    expect(endpoint.meshed).toBe(true)
    expect(await connect(endpoint)).toMatchObject({ kind: 'failed', reason: 'unreachable' })
    expect(upstream.sockets).toHaveLength(0)
    const authority = await createTestAuthority()
    const certificate = await authority.issue({ uris: ['spiffe://cluster.local/ns/a/sa/c'] })
    services.secrets.put({ kind: 'certificate', name: 'default', certificate })
    const validation = { trustedCa: '', subjectAltNames: [] }
    services.secrets.put({ kind: 'validation', name: 'ROOTCA', validation })
    expect(await connect(endpoint)).toMatchObject({ kind: 'failed', reason: 'unreachable' })
    services.secrets.put({
      kind: 'validation',
      name: 'ROOTCA',
      validation: { ...validation, trustedCa: authority.bundle },
    })
    // The server speaks no TLS: its echo of the hello is no handshake.
    expect(await connect(endpoint)).toMatchObject({ kind: 'failed', reason: 'tls' })
  })

  test('a label decides between TLS and plain text', () => {
    const set = clusterSet()
    const match = new Map([['tlsMode', 'istio']])
    set.put(
      testCluster('c', {
        endpoints: [testEndpoint(1, { transportLabels: match }), testEndpoint(2)],
        transportMatches: [
          { name: 'tls', match, tls },
          { name: 'plain', match: new Map(), tls: undefined },
        ],
      }),
    )
    const meshed = new Map([pick(get(set)), pick(get(set))].map((endpoint) => [endpoint.config.port, endpoint.meshed]))
    expect(meshed).toEqual(
      new Map([
        [1, true],
        [2, false],
      ]),
    )
  })

  test('a server of somebody else that wants a certificate is no proxy of the mesh', () => {
    const set = clusterSet()
    set.put(testCluster('c', { endpoints: [testEndpoint(1)], tls: { ...tls, alpn: ['http/1.1'] } }))
    expect(pick(get(set)).meshed).toBe(false)
  })

  test('a change of the transport closes idle connections and keeps active ones from being used again', async () => {
    const set = clusterSet()
    const endpoints = [testEndpoint(server().port)]
    set.put(testCluster('c', { endpoints }))
    const cluster = get(set)
    const endpoint = pick(cluster)
    const [idle, active] = [await open(endpoint), await open(endpoint)]
    endpoint.putIdle(idle)
    set.put(testCluster('c', { endpoints, tls }))
    expect(endpoint.takeIdle()).toBeUndefined()
    expect(endpoint.meshed).toBe(true)
    endpoint.putIdle(active)
    expect(endpoint.takeIdle()).toBeUndefined()
    await until(() => cluster.connections === 0, 'both to close')
  })
})
