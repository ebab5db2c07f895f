import { afterEach, expect, test } from 'bun:test'
import { bindUdp, connectUdp } from '../net/index.ts'
import { until } from '../net/sockets.fixture.ts'
import type { ClientTlsConfig } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import {
  createFakeTelemetry,
  testCluster,
  testEndpoint,
  testOutlierConfig,
  testUdpListener,
} from './data-plane-configs.fixture.ts'
import { defaultLimits, type ProxyLimits } from './limits.ts'

const accessLogs = [
  {
    path: '/dev/null',
    format: '%UPSTREAM_CLUSTER% %BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n',
    json: undefined,
  },
]

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Plane {
  readonly plane: DataPlane
  readonly lines: string[]
  /** A counter; -1 when nothing made it. */
  readonly count: (name: string) => number
}

function createPlane(limits: Partial<ProxyLimits> = {}): Plane {
  const telemetry = createFakeTelemetry()
  const lines: string[] = []
  const plane = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'default', workload: 'w', clusterId: 'weft', labels: {} },
    telemetry,
    limits: { ...defaultLimits, ...limits },
    accessLog: {
      write: (_path, line) => void lines.push(line.trim()),
      dropped: () => 0,
      reopen: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  })
  cleanups.push(async () => plane[Symbol.asyncDispose]())
  return { plane, lines, count: (name) => telemetry.values.get(`envoy_${name}`)?.value ?? -1 }
}

/** A server that answers each datagram with its own port. */
async function createHost(): Promise<number> {
  const made = await bindUdp('127.0.0.1', 0, {
    onDatagram: (_bytes, port, address) =>
      void (made.ok && made.value.send(Buffer.from(String(made.value.port)), port, address)),
  })
  if (!made.ok) throw made.error
  cleanups.push(() => made.value.close())
  return made.value.port
}

interface Client {
  readonly ask: (bytes?: string) => Promise<number>
  readonly send: (bytes: string) => void
  readonly answers: number[]
}

async function createClient(port: number): Promise<Client> {
  const answers: number[] = []
  const socket = await connectUdp('127.0.0.1', port, {
    onDatagram: (bytes) => void answers.push(Number(Buffer.from(bytes).toString())),
    onError: () => undefined,
  })
  if (socket === undefined) throw new Error('no socket')
  cleanups.push(() => socket.close())
  const send = (bytes: string): void => void socket.send(Buffer.from(bytes))
  return {
    answers,
    send,
    async ask(bytes = 'x') {
      const before = answers.length
      send(bytes)
      await until(() => answers.length > before, 'an answer')
      return answers.at(-1) ?? 0
    },
  }
}

async function listen(plane: DataPlane, config: Parameters<DataPlane['putListener']>[0]): Promise<number> {
  const bound = await plane.putListener(config)
  if (!bound.ok) throw new Error(`${bound.error.path}: ${bound.error.message}`)
  return bound.value.port
}

async function hosts(count: number): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: count }, createHost))
}

test('a client keeps the host of its first datagram, and clients are spread', async () => {
  const { plane, count } = createPlane()
  const ports = await hosts(3)
  plane.putCluster(testCluster('c', { endpoints: ports.map((port) => testEndpoint(port)) }))
  const port = await listen(plane, testUdpListener('u', 'c'))
  const seen: number[] = []
  for (let index = 0; index < 3; index += 1) {
    const client = await createClient(port)
    const host = await client.ask()
    for (let again = 0; again < 4; again += 1) expect(await client.ask()).toBe(host)
    seen.push(host)
  }
  expect(new Set(seen)).toEqual(new Set(ports))
  expect([count('udp_downstream_sess_total'), count('udp_downstream_sess_active')]).toEqual([3, 3])
  expect([count('udp_downstream_sess_rx_datagrams'), count('udp_downstream_sess_tx_datagrams')]).toEqual([15, 15])
  expect([count('udp_downstream_sess_rx_bytes'), count('cluster_upstream_cx_tx_bytes_total')]).toEqual([15, 15])
  expect([count('cluster_udp_sess_rx_datagrams'), count('cluster_upstream_cx_active')]).toEqual([15, 3])
  expect(plane.describe().listeners[0]?.connections).toBe(3)
})

test('with balancing per datagram each one goes to the next host and is answered', async () => {
  const { plane, count } = createPlane()
  const ports = await hosts(3)
  plane.putCluster(testCluster('c', { endpoints: ports.map((port) => testEndpoint(port)) }))
  const client = await createClient(await listen(plane, testUdpListener('u', 'c', { usePerPacketLoadBalancing: true })))
  const seen: number[] = []
  for (let index = 0; index < 6; index += 1) seen.push(await client.ask())
  expect(new Set(seen.slice(0, 3))).toEqual(new Set(ports))
  expect(seen.slice(3)).toEqual(seen.slice(0, 3))
  expect(count('udp_downstream_sess_total')).toBe(3)
})

test.each([{ kind: 'source-ip' } as const, { kind: 'key', key: 'call' } as const])(
  'the hash policy %o brings all flows of one address to one host',
  async (hashPolicy) => {
    const { plane } = createPlane()
    const ports = await hosts(4)
    plane.putCluster(
      testCluster('c', {
        balancer: { kind: 'ring-hash', minimumSize: 64, maximumSize: 1024 },
        endpoints: ports.map((port) => testEndpoint(port)),
      }),
    )
    const port = await listen(plane, testUdpListener('u', 'c', { hashPolicy }))
    const seen = new Set<number>()
    for (let index = 0; index < 12; index += 1) seen.add(await (await createClient(port)).ask())
    expect(seen.size).toBe(1)
  },
)

test('a session without datagrams ends after the idle time and leaves a line', async () => {
  const { plane, lines, count } = createPlane()
  const [host = 0] = await hosts(1)
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(host)] }))
  const client = await createClient(await listen(plane, testUdpListener('u', 'c', { idleTimeoutMs: 60, accessLogs })))
  await client.ask('four')
  await until(() => count('udp_idle_timeout') === 1, 'the end of the session')
  expect([count('udp_downstream_sess_active'), count('cluster_upstream_cx_active')]).toEqual([0, 0])
  expect(lines).toEqual([`c 4 ${String(host).length} - idle_timeout`])
  expect(await client.ask()).toBe(host)
  expect(count('udp_downstream_sess_total')).toBe(2)
})

test('the sessions of a host that leaves end, and the next datagram finds another host', async () => {
  const { plane, lines } = createPlane()
  const [one = 0, other = 0] = await hosts(2)
  const put = (...ports: number[]): void =>
    plane.putCluster(testCluster('c', { endpoints: ports.map((port) => testEndpoint(port)) }))
  put(one)
  const client = await createClient(await listen(plane, testUdpListener('u', 'c', { accessLogs })))
  expect(await client.ask()).toBe(one)
  put(one, other)
  expect(await client.ask()).toBe(one)
  put(other)
  expect(lines).toEqual([`c 2 ${2 * String(one).length} - host_removed`])
  expect(await client.ask()).toBe(other)
  plane.removeCluster('c')
  expect(lines).toHaveLength(2)
})

test('a session leaves a host that is unhealthy for a healthy one, and stays when there is none', async () => {
  const { plane } = createPlane()
  const [one = 0, other = 0] = await hosts(2)
  const put = (...endpoints: ReturnType<typeof testEndpoint>[]): void =>
    plane.putCluster(testCluster('c', { endpoints }))
  put(testEndpoint(one))
  const client = await createClient(await listen(plane, testUdpListener('u', 'c')))
  expect(await client.ask()).toBe(one)
  put(testEndpoint(one, { health: 'unhealthy' }))
  expect(await client.ask()).toBe(one)
  put(testEndpoint(one, { health: 'unhealthy' }), testEndpoint(other))
  expect(await client.ask()).toBe(other)
})

test('max_connections of the cluster and the bound of sessions are kept and counted', async () => {
  const { plane, lines, count } = createPlane({ udpSessions: 2 })
  const [host = 0] = await hosts(1)
  const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1, maxRetries: 1 }
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(host)], limits }))
  const port = await listen(plane, testUdpListener('u', 'c', { accessLogs }))
  const clients = await Promise.all([createClient(port), createClient(port), createClient(port)])
  expect(await clients[0].ask()).toBe(host)
  clients[1].send('x')
  await until(() => count('cluster_upstream_cx_overflow') === 1, 'the overflow of the cluster')
  expect(lines).toEqual(['c 0 0 UO upstream_connection_limit'])
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(host)] }))
  expect(await clients[1].ask()).toBe(host)
  clients[2].send('x')
  await until(() => count('udp_downstream_sess_overflow') === 1, 'the overflow of the listener')
  // As in Envoy a session that its cluster refuses counts too.
  expect([count('udp_downstream_sess_total'), count('udp_downstream_sess_active')]).toEqual([3, 2])
})

test('datagrams without cluster or host, and too long ones, are dropped and counted', async () => {
  const { plane, count } = createPlane()
  const client = await createClient(await listen(plane, testUdpListener('u', 'c', { maxReceivedBytes: 10 })))
  client.send('x')
  await until(() => count('udp_downstream_sess_no_route') === 1, 'no route')
  plane.putCluster(testCluster('c', { outlierDetection: testOutlierConfig() }))
  client.send('x')
  await until(() => count('cluster_upstream_cx_none_healthy') === 1, 'no host')
  client.send('eleven byte')
  await until(() => count('listener_udp_downstream_rx_datagram_dropped') === 1, 'the long one')
  expect(count('udp_downstream_sess_total')).toBe(0)
})

test('a cluster that speaks TLS or pipes is never sent a datagram', async () => {
  const { plane, lines } = createPlane()
  const client = await createClient(await listen(plane, testUdpListener('u', 'c', { accessLogs })))
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(0, { address: '/tmp/none.sock' })] }))
  client.send('x')
  await until(() => lines.length === 1, 'a line')
  const tls: ClientTlsConfig = {
    certificate: undefined,
    validation: undefined,
    subjectAltNames: [],
    sni: undefined,
    alpn: [],
    minVersion: 'TLSv1.2',
  }
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(await createHost())], tls }))
  client.send('x')
  await until(() => lines.length === 2, 'another line')
  const refused = 'c 0 0 UF upstream_is_not_plain_udp'
  expect(lines).toEqual([refused, refused])
})

test('datagrams that come before the socket of a session is there are kept up to a bound', async () => {
  const { plane, count } = createPlane({ udpEarlyDatagrams: 0 })
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(await createHost())] }))
  const client = await createClient(await listen(plane, testUdpListener('u', 'c')))
  client.send('x')
  await until(() => count('udp_downstream_sess_rx_datagrams_dropped') === 1, 'the drop')
  expect(await client.ask()).toBeGreaterThan(0)
})

test('a new configuration on the same address keeps sessions, unless they would go elsewhere', async () => {
  const { plane, count } = createPlane()
  const [one = 0, other = 0] = await hosts(2)
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(one), testEndpoint(other)] }))
  plane.putCluster(testCluster('d', { endpoints: [testEndpoint(other)] }))
  const port = await listen(plane, testUdpListener('u', 'c'))
  const client = await createClient(port)
  const host = await client.ask()
  expect(await listen(plane, testUdpListener('u', 'c', { idleTimeoutMs: 1000, statPrefix: 'new' }))).toBe(port)
  for (let index = 0; index < 3; index += 1) expect(await client.ask()).toBe(host)
  expect([count('udp_downstream_sess_total'), count('udp_downstream_sess_active')]).toEqual([1, 1])
  expect(await listen(plane, testUdpListener('u', 'd'))).toBe(port)
  expect(await client.ask()).toBe(other)
  expect([count('udp_downstream_sess_total'), count('udp_downstream_sess_active')]).toEqual([2, 1])
})

test('a listener that drains serves the clients it has and takes no new one', async () => {
  const { plane, count } = createPlane()
  const [host = 0] = await hosts(1)
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(host)] }))
  const port = await listen(plane, testUdpListener('u', 'c', { idleTimeoutMs: 300 }))
  const [client, late] = [await createClient(port), await createClient(port)]
  await client.ask()
  let over = false
  const drained = plane.drain(30_000).then(() => (over = true))
  late.send('x')
  expect(await client.ask()).toBe(host)
  expect([over, late.answers]).toEqual([false, []])
  await drained
  expect(count('udp_downstream_sess_active')).toBe(0)
})

test('a port that drains is free again for a listener that wants it', async () => {
  const { plane, count } = createPlane()
  const [host = 0] = await hosts(1)
  plane.putCluster(testCluster('c', { endpoints: [testEndpoint(host)] }))
  const free = await bindUdp('127.0.0.1', 0, { onDatagram: () => undefined })
  if (!free.ok) throw free.error
  const port = free.value.port
  free.value.close()
  const fixed = { port, socketKey: `udp|127.0.0.1|${port}` }
  const client = await createClient(await listen(plane, testUdpListener('u', 'c', {}, fixed)))
  await client.ask()
  plane.removeListener('u', 600_000)
  await listen(plane, testUdpListener('v', 'c', {}, fixed))
  expect(await client.ask()).toBe(host)
  expect(count('udp_downstream_sess_total')).toBe(2)
})
