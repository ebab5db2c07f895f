import { afterEach, describe, expect, test } from 'bun:test'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import { createTestServer, createRecordingOwner, type TestServer, until } from '../../net/sockets.fixture.ts'
import {
  createTestClusterServices,
  testCluster,
  testEndpoint,
  testOutlierConfig,
} from '../data-plane-configs.fixture.ts'
import { createSubsetMatch } from '../route/index.ts'
import { type ClusterRuntime, type ClusterSet, createClusterSet, type EndpointRuntime, PendingTicket } from './index.ts'

const servers: TestServer[] = []
const sets: ClusterSet[] = []

afterEach(() => {
  for (const set of sets.splice(0)) set.close()
  for (const server of servers.splice(0)) server[Symbol.dispose]()
})

function clusterSet(overrides: Parameters<typeof createTestClusterServices>[0] = {}): ClusterSet {
  const set = createClusterSet(createTestClusterServices(overrides))
  sets.push(set)
  return set
}

function get(set: ClusterSet, name = 'c'): ClusterRuntime {
  const cluster = set.get(name)
  if (cluster === undefined) throw new Error('no cluster')
  return cluster
}

/** How many of so many picks each port gets. */
function picksOf(cluster: ClusterRuntime, picks = 400, subset?: Parameters<ClusterRuntime['pick']>[3]) {
  const counts: Record<number, number> = {}
  for (let pick = 0; pick < picks; pick += 1) {
    const port = cluster.pick(undefined, '', undefined, subset)?.config.port ?? 0
    counts[port] = (counts[port] ?? 0) + 1
  }
  return counts
}

const spread = { panicThreshold: 0, locality: undefined, subsets: undefined }
const eds: Partial<ClusterConfig> = { discovery: 'eds', edsName: 'c', spread }
const at = (port: number, overrides: Partial<EndpointConfig> = {}): EndpointConfig => testEndpoint(port, overrides)

describe('pick()', () => {
  test('fails over to the next priority by the policy of the assignment', () => {
    const set = clusterSet()
    set.put(testCluster('c', eds))
    const endpoints = [at(1), at(2, { health: 'unhealthy' }), at(3, { priority: 1 })]
    set.putEndpoints({ clusterName: 'c', endpoints })
    expect(Math.abs((picksOf(get(set), 4000)[1] ?? 0) / 4000 - 0.7)).toBeLessThan(0.05)
    const policy = { overprovisioningFactor: 200, weightedPriorityHealth: false }
    set.putEndpoints({ clusterName: 'c', endpoints, policy })
    expect(picksOf(get(set))).toEqual({ 1: 400 })
  })

  test('gives draining endpoints nothing, and degraded ones what healthy ones cannot take', () => {
    const set = clusterSet()
    set.put(testCluster('c', eds))
    set.putEndpoints({ clusterName: 'c', endpoints: [at(1, { health: 'draining' }), at(2, { health: 'degraded' })] })
    expect(picksOf(get(set))).toEqual({ 2: 400 })
  })

  test('leaves an ejected endpoint out, its priority fails over, and panic is counted', () => {
    const set = clusterSet()
    const outlierDetection = testOutlierConfig({ maxEjectionPercent: 100, consecutive5xx: 1 })
    const endpoints = [at(1), at(2, { priority: 1 })]
    set.put(testCluster('c', { endpoints, outlierDetection, spread }))
    const cluster = get(set)
    const first = cluster.pick(undefined, '')
    expect(first?.config.port).toBe(1)
    first?.outlier?.countResponse(503)
    expect(picksOf(cluster)).toEqual({ 2: 400 })
    cluster.pick(undefined, '')?.outlier?.countResponse(503)
    expect(cluster.pick(undefined, '')).toBeUndefined()
    expect(cluster.stats.lb_healthy_panic).toBe(0)
    set.put(testCluster('c', { endpoints, outlierDetection, spread: { ...spread, panicThreshold: 50 } }))
    expect(Object.keys(picksOf(cluster, 100))).toEqual(['1', '2'])
    expect(cluster.stats.lb_healthy_panic).toBe(100)
  })

  test('chooses among the endpoints of a subset', () => {
    const set = clusterSet()
    const selectors = [{ keys: ['stage'], fallback: undefined, fallbackKeys: [] }]
    const subsets = {
      fallback: 'none' as const,
      defaultSubset: createSubsetMatch({}),
      selectors,
      listAsAny: false,
      panicModeAny: false,
      localityWeightAware: false,
      scaleLocalityWeight: false,
    }
    const endpoints = [at(1, { subsetLabels: { stage: 'prod' } }), at(2, { subsetLabels: { stage: 'dev' } })]
    set.put(testCluster('c', { endpoints, spread: { ...spread, subsets } }))
    expect(picksOf(get(set), 20, createSubsetMatch({ stage: 'dev' }))).toEqual({ 2: 20 })
    expect(picksOf(get(set), 20)).toEqual({ 0: 20 })
    const [first] = endpoints
    set.put(testCluster('c', { endpoints: first === undefined ? [] : [first], spread: { ...spread, subsets } }))
    expect(picksOf(get(set), 20, createSubsetMatch({ stage: 'dev' }))).toEqual({ 0: 20 })
  })

  test('prefers the own zone as the local cluster allows, and follows its changes', () => {
    const set = clusterSet({ local: { cluster: 'callers', locality: '/a/' } })
    const locality = { kind: 'zone-aware', routingPercent: 100, minClusterSize: 1, failTrafficOnPanic: false } as const
    const here = { locality: '/a/' }
    const there = { locality: '/b/' }
    set.put(testCluster('c', { endpoints: [at(1, here), at(2, there)], spread: { ...spread, locality } }))
    set.put(testCluster('callers', { ...eds, edsName: 'callers' }))
    expect(picksOf(get(set))).toEqual({ 1: 200, 2: 200 })
    set.putEndpoints({ clusterName: 'callers', endpoints: [at(7, here), at(8, there)] })
    expect(picksOf(get(set))).toEqual({ 1: 400 })
    set.putEndpoints({ clusterName: 'callers', endpoints: [at(7, here), at(8, there), at(9, here)] })
    expect(Math.abs((picksOf(get(set), 4000)[1] ?? 0) / 4000 - 0.75)).toBeLessThan(0.05)
    // A cluster that comes later is told too.
    set.put(testCluster('d', { endpoints: [at(1, here), at(2, there)], spread: { ...spread, locality } }))
    expect(Math.abs((picksOf(get(set, 'd'), 4000)[1] ?? 0) / 4000 - 0.75)).toBeLessThan(0.05)
  })

  test('gives an endpoint that comes to a cluster in slow start few requests at first', () => {
    let now = 0
    const clock = { now: () => now, monotonic: () => now }
    const set = clusterSet({ clock })
    const slowStart = { windowMs: 10_000, aggression: 1, minWeight: 0.1 }
    set.put(testCluster('c', { ...eds, balancer: { kind: 'round-robin', slowStart } }))
    set.putEndpoints({ clusterName: 'c', endpoints: [at(1)] })
    now = 60_000
    set.putEndpoints({ clusterName: 'c', endpoints: [at(1), at(2)] })
    expect(Math.abs((picksOf(get(set), 1100)[2] ?? 0) - 100)).toBeLessThan(10)
    now = 70_000
    expect(picksOf(get(set), 400)).toEqual({ 1: 200, 2: 200 })
  })

  test('by peak EWMA endpoints know their latency, and keep it when endpoints change', () => {
    const set = clusterSet()
    const balancer = { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 10, penalty: 1_000_000 } as const
    set.put(testCluster('c', { ...eds, balancer }))
    set.putEndpoints({ clusterName: 'c', endpoints: [at(1)] })
    const cluster = get(set)
    const { latency } = cluster.pick(undefined, '') ?? {}
    expect(latency).toBeDefined()
    set.putEndpoints({ clusterName: 'c', endpoints: [at(1, { weight: 2 })] })
    expect(cluster.pick(undefined, '')?.latency).toBe(latency)
    set.put(testCluster('c', { ...eds, balancer: { kind: 'round-robin' } }))
    expect(cluster.pick(undefined, '')?.latency).toBeUndefined()
  })
})

test('one endpoint gets no more connections than per_host_thresholds says; who waits is served when one ends', async () => {
  const server = createTestServer(() => createRecordingOwner())
  servers.push(server)
  const set = clusterSet()
  const limits = { maxConnections: 100, maxPendingRequests: 9, maxRequests: 9, maxRetries: 1, maxConnectionsPerHost: 2 }
  set.put(testCluster('c', { endpoints: [testEndpoint(server.port)], limits }))
  const cluster = get(set)
  const endpoint: EndpointRuntime | undefined = cluster.pick(undefined, '')
  if (endpoint === undefined) throw new Error('no endpoint')
  const served: Parameters<EndpointRuntime['putIdle']>[0][] = []
  const ticket = (): PendingTicket =>
    new PendingTicket({
      onConnection: (socket) => {
        served.push(socket)
        return true
      },
      onConnectionFailed: () => undefined,
    })
  for (let request = 0; request < 3; request += 1) endpoint.enqueue(ticket())
  await until(() => served.length === 2, 'two connections')
  expect([cluster.connections, cluster.pendingRequests, endpoint.mayConnect]).toEqual([2, 1, false])
  served[0]?.end()
  await until(() => served.length === 3, 'the one that waited')
  expect(cluster.connections).toBe(2)
})
