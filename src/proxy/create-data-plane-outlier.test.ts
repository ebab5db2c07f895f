/** Outlier detection through a whole data plane: sockets, pools, balancing, counters. */
import { afterEach, expect, test } from 'bun:test'
import { createEchoOwner, createTestServer, until } from '../net/sockets.fixture.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import {
  testChain,
  testCluster,
  testEndpoint,
  testHttpManager,
  testListener,
  testOutlierConfig,
  testTcpProxy,
} from './data-plane-configs.fixture.ts'
import type { FilterChain, OutlierConfig } from './config/index.ts'
import type { ForwardDecision } from './route/index.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const decision: ForwardDecision = {
  kind: 'forward',
  route: { name: 'all', virtualHost: 'v', origin: undefined },
  cluster: 'c',
  pathRewrite: undefined,
  hostRewrite: undefined,
  requestEdits: undefined,
  responseEdits: undefined,
  timeoutMs: 0,
  idleTimeoutMs: undefined,
  retry: undefined,
  fault: undefined,
}

interface World {
  readonly plane: DataPlane
  readonly telemetry: Telemetry
  readonly port: number
}

async function world(
  network: FilterChain['network'],
  ports: readonly number[],
  outlier: Partial<OutlierConfig>,
): Promise<World> {
  const telemetry = createTelemetry()
  const plane = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'default', workload: 'n', clusterId: 'weft', labels: {} },
    telemetry,
  })
  cleanups.push(async () => plane[Symbol.asyncDispose]())
  plane.putRouteTable({ name: 'r', onDemand: false, decide: () => decision })
  const outlierDetection = testOutlierConfig({ maxEjectionPercent: 50, ...outlier })
  plane.putCluster(testCluster('c', { endpoints: ports.map((port) => testEndpoint(port)), outlierDetection }))
  const bound = await plane.putListener(testListener('l', [testChain(network)]))
  if (!bound.ok) throw new Error(bound.error.message)
  return { plane, telemetry, port: bound.value.port }
}

function application(status: number): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('', { status }) })
  cleanups.push(() => server.stop(true))
  return server.port ?? 0
}

const ejected = '/failed_outlier_check'

test('an endpoint that answers 503 three times in a row gets no more requests', async () => {
  const { plane, telemetry, port } = await world(testHttpManager(), [application(503), application(200)], {
    consecutive5xx: 3,
  })
  const statuses: number[] = []
  for (let request = 0; request < 30; request += 1) {
    const response = await fetch(`http://127.0.0.1:${port}/`)
    await response.arrayBuffer()
    statuses.push(response.status)
  }
  expect(statuses.filter((status) => status === 503)).toHaveLength(3)
  expect(plane.describe().clusters[0]?.endpoints).toMatchObject([
    { health: ejected, totalRequests: 3 },
    { health: 'healthy', totalRequests: 27 },
  ])
  const exposed = telemetry.expose()
  for (const sample of ['active', 'enforced_total', 'enforced_consecutive_5xx', 'detected_consecutive_5xx'])
    expect(exposed).toContain(`envoy_cluster_outlier_detection_ejections_${sample}{envoy_cluster_name="c"} 1`)
})

test('an ejected endpoint serves again when its time is over', async () => {
  const { plane, port } = await world(testHttpManager(), [application(500), application(200)], {
    consecutive5xx: 1,
    intervalMs: 20,
    baseEjectionMs: 40,
    maxEjectionMs: 40,
  })
  const healths = () => plane.describe().clusters[0]?.endpoints.map(({ health }) => health)
  for (let request = 0; request < 3 && healths()?.[0] !== ejected; request += 1)
    await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
  await until(() => healths()?.[0] === 'healthy', 'the end of the ejection')
  const total = () => plane.describe().clusters[0]?.endpoints[0]?.totalRequests ?? 0
  const before = total()
  for (let request = 0; request < 3 && total() === before; request += 1)
    await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
  expect(total()).toBe(before + 1)
})

test('an endpoint that refuses TCP connections is not dialled any more', async () => {
  const gone = createTestServer(() => createEchoOwner())
  gone[Symbol.dispose]()
  const echo = createTestServer(() => createEchoOwner())
  cleanups.push(() => echo[Symbol.dispose]())
  const { plane, telemetry, port } = await world(testTcpProxy('c'), [gone.port, echo.port], {
    splitLocalOrigin: true,
    consecutiveLocalOriginFailure: 2,
  })
  const exchange = async (): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>()
    let received = ''
    await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) => void socket.write('ping'),
        data: (socket, bytes) => {
          received = bytes.toString()
          socket.end()
        },
        close: () => resolve(received),
        error: () => resolve(received),
      },
    })
    return promise
  }
  const answers: string[] = []
  for (let connection = 0; connection < 12; connection += 1) answers.push(await exchange())
  expect(answers.filter((answer) => answer === '')).toHaveLength(2)
  expect(plane.describe().clusters[0]?.endpoints[0]?.health).toBe(ejected)
  expect(telemetry.expose()).toContain(
    'envoy_cluster_outlier_detection_ejections_enforced_consecutive_local_origin_failure{envoy_cluster_name="c"} 1',
  )
})
