import { describe, expect, test } from 'bun:test'
import { TimerWheel } from '../../base/index.ts'
import {
  createFakeTelemetry,
  createTestClusterServices,
  type FakeTelemetry,
  testCluster,
  testEndpoint,
  testOutlierConfig,
} from '../data-plane-configs.fixture.ts'
import { type ClusterRuntime, type ClusterSet, createClusterSet, type EndpointRuntime } from './index.ts'

interface World {
  readonly set: ClusterSet
  readonly telemetry: FakeTelemetry
  readonly cluster: () => ClusterRuntime
  readonly pass: (ms: number) => void
  /** Ports that are picked in so many picks. */
  readonly picked: () => readonly number[]
  readonly endpoint: (port: number) => EndpointRuntime
  readonly active: () => number | undefined
}

/** A cluster set whose time passes when the test says so. */
function world(): World {
  let now = 0
  const clock = { now: () => now, monotonic: () => now }
  const timers = new TimerWheel({ clock, alarm: { set: () => undefined, clear: () => undefined } })
  const telemetry = createFakeTelemetry()
  const set = createClusterSet(createTestClusterServices({ clock, timers, telemetry, random: () => 0.5 }))
  const cluster = (): ClusterRuntime => {
    const found = set.get('c')
    if (found === undefined) throw new Error('no cluster')
    return found
  }
  const picks = (): EndpointRuntime[] =>
    Array.from({ length: 12 }, () => cluster().pick(undefined, '')).filter((endpoint) => endpoint !== undefined)
  return {
    set,
    telemetry,
    cluster,
    pass(ms) {
      now += ms
      timers.advance()
    },
    picked: () => [...new Set(picks().map(({ config }) => config.port))].toSorted((one, other) => one - other),
    endpoint(port) {
      const found = picks().find(({ config }) => config.port === port)
      if (found === undefined) throw new Error('not picked')
      return found
    },
    active: () => telemetry.values.get('envoy_cluster_outlier_detection_ejections_active')?.value,
  }
}

const endpoints = [testEndpoint(1), testEndpoint(2)]
const outlierDetection = testOutlierConfig({ maxEjectionPercent: 50, consecutive5xx: 3 })
const watched = testCluster('c', { endpoints, outlierDetection })

function fail(endpoint: EndpointRuntime): void {
  for (let response = 0; response < 3; response += 1) endpoint.outlier?.countResponse(503)
}

describe('outlier detection of a cluster', () => {
  test('an ejected endpoint is not picked until its time is over', () => {
    const { set, picked, endpoint, pass, active, telemetry } = world()
    set.put(watched)
    fail(endpoint(1))
    expect(picked()).toEqual([2])
    expect(active()).toBe(1)
    expect(set.describe()[0]?.endpoints.map(({ health }) => health)).toEqual(['/failed_outlier_check', 'healthy'])
    pass(10_000)
    pass(10_000)
    expect(picked()).toEqual([2])
    pass(10_100)
    expect(picked()).toEqual([1, 2])
    expect(active()).toBe(0)
    const count = (name: string) => telemetry.values.get(`envoy_cluster_outlier_detection_ejections_${name}`)?.value
    expect([count('enforced_total'), count('enforced_consecutive_5xx'), count('detected_consecutive_5xx')]).toEqual([
      1, 1, 1,
    ])
  })

  test('intervals go on after the first', () => {
    const { set, picked, endpoint, pass } = world()
    set.put(watched)
    for (let round = 0; round < 5; round += 1) pass(10_100)
    fail(endpoint(1))
    for (let round = 0; round < 4; round += 1) pass(10_100)
    expect(picked()).toEqual([1, 2])
  })

  test('with all endpoints ejected there is none', () => {
    const { set, endpoint, cluster } = world()
    set.put(testCluster('c', { endpoints, outlierDetection: { ...outlierDetection, maxEjectionPercent: 100 } }))
    const both = [endpoint(1), endpoint(2)]
    for (const one of both) fail(one)
    expect(cluster().pick(undefined, '')).toBeUndefined()
  })

  test('a cluster without it has nobody to tell', () => {
    const { set, endpoint, active } = world()
    set.put(testCluster('c', { endpoints }))
    expect(endpoint(1).outlier).toBeUndefined()
    expect(active()).toBeUndefined()
  })

  test('an ejection survives an update of endpoints and of the configuration, and ends with its endpoint', () => {
    const { set, picked, endpoint, active } = world()
    set.put(watched)
    fail(endpoint(1))
    set.put(testCluster('c', { endpoints: [...endpoints, testEndpoint(3)], outlierDetection }))
    expect(picked()).toEqual([2, 3])
    set.put(testCluster('c', { endpoints: [testEndpoint(2), testEndpoint(3)], outlierDetection }))
    expect(active()).toBe(0)
    set.put(watched)
    expect(picked()).toEqual([1, 2])
  })

  test('an ejection ends when outlier detection is taken away, and with the cluster', () => {
    const { set, picked, endpoint, active } = world()
    set.put(watched)
    fail(endpoint(1))
    set.put(testCluster('c', { endpoints }))
    expect(picked()).toEqual([1, 2])
    expect(active()).toBe(0)
    set.put(watched)
    fail(endpoint(1))
    expect(active()).toBe(1)
    set.remove('c')
    expect(active()).toBe(0)
  })

  test('a shorter interval and ejection time count for who is ejected already', () => {
    const { set, picked, endpoint, pass } = world()
    set.put(watched)
    fail(endpoint(1))
    set.put(
      testCluster('c', { endpoints, outlierDetection: { ...outlierDetection, intervalMs: 100, baseEjectionMs: 100 } }),
    )
    pass(150)
    expect(picked()).toEqual([1, 2])
  })
})
