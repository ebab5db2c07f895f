import { describe, expect, test } from 'bun:test'
import type { EjectionKind, OutlierConfig } from '../../config/index.ts'
import { testOutlierConfig } from '../../data-plane-configs.fixture.ts'
import { OutlierDetector } from '../index.ts'
import type { HostMonitor } from './host-monitor.ts'

interface World {
  readonly detector: OutlierDetector
  readonly hosts: readonly HostMonitor[]
  /** First of the hosts. */
  readonly host: HostMonitor
  readonly counts: {
    readonly detected: EjectionKind[]
    readonly enforced: EjectionKind[]
    overflow: number
    active: number
  }
  readonly changes: () => number
  /** The clock goes on and an interval ends. */
  readonly interval: (afterMs: number) => void
}

/** A detector with a clock that stands still unless told. */
function world(changes: Partial<OutlierConfig> = {}, size = 2, random: () => number = () => 0.5): World {
  let now = 1000
  let changed = 0
  const counts: World['counts'] = { detected: [], enforced: [], overflow: 0, active: 0 }
  const detector = new OutlierDetector(testOutlierConfig(changes), {
    now: () => now,
    random,
    stats: {
      detected: (kind) => counts.detected.push(kind),
      enforced: (kind) => counts.enforced.push(kind),
      overflow: () => (counts.overflow += 1),
      active: (difference) => (counts.active += difference),
    },
    onChange: () => (changed += 1),
  })
  const hosts = Array.from({ length: size }, () => detector.add())
  const [host] = hosts
  if (host === undefined) throw new Error('no host')
  const interval = (afterMs: number): void => {
    now += afterMs
    detector.onInterval()
  }
  return { detector, hosts, host, counts, changes: () => changed, interval }
}

function respond(host: HostMonitor | undefined, statuses: readonly number[]): void {
  for (const status of statuses) host?.countResponse(status)
}

function times(count: number, act: () => void): void {
  for (let round = 0; round < count; round += 1) act()
}

const half: Partial<OutlierConfig> = { maxEjectionPercent: 50 }
const gatewayOnly = {
  ...testOutlierConfig().enforcing,
  consecutive_5xx: 0,
  consecutive_gateway_failure: 100,
}

describe('failures in a row', () => {
  test('five server errors eject, and are told once', () => {
    const { host, hosts, counts, changes } = world(half)
    respond(host, [500, 500, 503, 599])
    expect(host.ejected).toBe(false)
    respond(host, [500])
    expect(host.ejected).toBe(true)
    expect(hosts[1]?.ejected).toBe(false)
    expect(counts).toEqual({ detected: ['consecutive_5xx'], enforced: ['consecutive_5xx'], overflow: 0, active: 1 })
    expect(changes()).toBe(1)
    respond(host, [500, 500, 500, 500, 500, 500])
    expect(counts.enforced).toEqual(['consecutive_5xx'])
  })

  test('a good answer begins the row anew', () => {
    const { host } = world(half)
    respond(host, [500, 500, 500, 500, 404, 500, 500, 500, 500])
    expect(host.ejected).toBe(false)
  })

  test.each([
    ['502, 503 and 504 in a row', [502, 503, 504, 502, 503], true],
    ['four of them', [502, 503, 504, 502], false],
    ['500 between them', [502, 503, 500, 504, 502, 503], false],
  ])('gateway failures: %s', (_title, statuses, ejected) => {
    const { host } = world({ ...half, enforcing: gatewayOnly })
    respond(host, statuses)
    expect(host.ejected).toBe(ejected)
  })

  test('gateway failures are detected and not enforced by default, as in Envoy', () => {
    const { host, counts } = world({ ...half, consecutive5xx: 10 })
    respond(host, [503, 503, 503, 503, 503])
    expect(host.ejected).toBe(false)
    expect(counts).toMatchObject({ detected: ['consecutive_gateway_failure'], enforced: [] })
  })

  test('a threshold of 0 never ejects', () => {
    const { host } = world({ ...half, consecutive5xx: 0 })
    times(50, () => host.countResponse(500))
    expect(host.ejected).toBe(false)
  })

  test('a threshold that was lowered counts at the next failure', () => {
    const { host, detector } = world(half)
    respond(host, [500, 500, 500, 500])
    detector.config = testOutlierConfig({ ...half, consecutive5xx: 2 })
    respond(host, [500])
    expect(host.ejected).toBe(true)
  })

  test('enforcing percentages are drawn against', () => {
    const enforcing = { ...testOutlierConfig().enforcing, consecutive_5xx: 50 }
    for (const [draw, ejected] of [
      [0.49, true],
      [0.5, false],
    ] as const) {
      const { host } = world({ ...half, enforcing }, 2, () => draw)
      times(5, () => host.countResponse(500))
      expect(host.ejected).toBe(ejected)
    }
  })
})

describe('failures of local origin', () => {
  test('count as 503 and 504 when they are not split off; a request that got its connection says nothing yet', () => {
    const { host } = world(half)
    times(2, () => host.countConnectFailure())
    host.countConnected()
    times(3, () => host.countTimeout())
    expect(host.ejected).toBe(true)
  })

  test('a TCP connection is a success when they are not split off', () => {
    const { host } = world(half)
    times(4, () => host.countConnectFailure())
    host.countTcpConnected()
    times(4, () => host.countConnectFailure())
    expect(host.ejected).toBe(false)
  })

  test('have a counter of their own when they are split off', () => {
    const { host, counts } = world({ ...half, splitLocalOrigin: true, consecutiveLocalOriginFailure: 3 })
    respond(host, [500, 500, 500, 500])
    host.countConnectFailure()
    host.countTimeout()
    host.countConnected()
    times(2, () => host.countConnectFailure())
    expect(host.ejected).toBe(false)
    host.countTimeout()
    expect(host.ejected).toBe(true)
    expect(counts.enforced).toEqual(['consecutive_local_origin_failure'])
  })
})

describe('max_ejection_percent', () => {
  test.each([
    [10, 9, false, 0],
    [10, 10, false, 1],
    [10, 19, false, 1],
    [10, 20, false, 2],
    [50, 2, false, 1],
    [100, 3, false, 3],
    [0, 10, false, 0],
    [10, 2, true, 1],
    [0, 3, true, 1],
  ])(
    '%d percent of %d hosts (always one: %p): %d ejected',
    (maxEjectionPercent, size, alwaysEjectOneHost, expected) => {
      const { hosts, counts } = world({ maxEjectionPercent, alwaysEjectOneHost }, size)
      for (const host of hosts) times(5, () => host.countResponse(500))
      expect(hosts.filter(({ ejected }) => ejected)).toHaveLength(expected)
      expect(counts).toMatchObject({ active: expected, overflow: size - expected })
    },
  )
})

test('after an ejection that max_ejection_percent forbade, the row of failures begins anew', () => {
  const { host, counts } = world({ maxEjectionPercent: 0 })
  times(14, () => host.countResponse(500))
  expect(counts).toMatchObject({ detected: ['consecutive_5xx', 'consecutive_5xx'], overflow: 2 })
})

describe('the end of an ejection', () => {
  test('comes with the first interval after the base time, and begins all rows anew', () => {
    const { host, counts, interval, changes } = world(half)
    times(5, () => host.countResponse(500))
    // Requests that were under way still fail.
    times(4, () => host.countResponse(503))
    interval(10_000)
    interval(19_999)
    expect(host.ejected).toBe(true)
    interval(1)
    expect(host.ejected).toBe(false)
    expect(counts.active).toBe(0)
    expect(changes()).toBe(2)
    times(4, () => host.countResponse(503))
    expect(host.ejected).toBe(false)
  })

  test('comes later with each ejection, no later than the longest time', () => {
    const { host, interval } = world({ ...half, maxEjectionMs: 80_000 })
    for (const lastsMs of [30_000, 60_000, 80_000, 80_000, 80_000]) {
      times(5, () => host.countResponse(500))
      interval(lastsMs - 1)
      expect(host.ejected).toBe(true)
      interval(1)
      expect(host.ejected).toBe(false)
    }
  })

  test('comes sooner again after good intervals', () => {
    const { host, interval } = world(half)
    times(5, () => host.countResponse(500))
    interval(30_000)
    interval(10_000)
    times(5, () => host.countResponse(500))
    interval(30_000)
    expect(host.ejected).toBe(false)
  })

  test('is put off by jitter', () => {
    const { host, interval } = world({ ...half, maxEjectionJitterMs: 1000 }, 2, () => 0.5)
    times(5, () => host.countResponse(500))
    interval(30_499)
    expect(host.ejected).toBe(true)
    interval(1)
    expect(host.ejected).toBe(false)
  })

  test('comes with the removal of the host, and what it does afterwards counts for nothing', () => {
    const { host, detector, counts } = world(half)
    times(5, () => host.countResponse(500))
    detector.remove(host)
    expect(counts.active).toBe(0)
    times(5, () => host.countResponse(500))
    expect(host.ejected).toBe(false)
    detector.remove(host)
    expect(counts.active).toBe(0)
  })
})

describe('rates', () => {
  const off = { consecutive5xx: 0, maxEjectionPercent: 100 }

  /** Five hosts; the first fails so many of its hundred requests. */
  function fail(hosts: readonly HostMonitor[], failures: number): void {
    for (const [index, host] of hosts.entries())
      for (let request = 0; request < 100; request += 1)
        host.countResponse(index === 0 && request < failures ? 500 : 200)
  }

  test('a success rate far below the mean ejects at the end of the interval', () => {
    const { hosts, host, counts, interval } = world(off, 5)
    fail(hosts, 50)
    expect(host.ejected).toBe(false)
    interval(10_000)
    // Mean 90, standard deviation 20, threshold 52.
    expect(hosts.map(({ ejected }) => ejected)).toEqual([true, false, false, false, false])
    expect(counts.enforced).toEqual(['success_rate'])
  })

  test.each([
    ['too few hosts', off, 4],
    ['too few requests', { ...off, successRate: { minimumHosts: 5, requestVolume: 101, stdevFactor: 1900 } }, 5],
    ['a wide factor', { ...off, successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 2100 } }, 5],
  ])('no success rate ejects with %s', (_title, config, size) => {
    const { hosts, counts, interval } = world(config, size)
    fail(hosts, 50)
    interval(10_000)
    expect(counts.detected).toEqual([])
  })

  test('requests of an earlier interval do not count', () => {
    const { hosts, counts, interval } = world(
      { ...off, successRate: { minimumHosts: 5, requestVolume: 101, stdevFactor: 1900 } },
      5,
    )
    fail(hosts, 50)
    interval(10_000)
    fail(hosts, 50)
    interval(10_000)
    expect(counts.detected).toEqual([])
  })

  test.each([
    [84, []],
    [85, ['failure_percentage']],
  ])('failure_percentage: %d of 100 requests', (failures, enforced) => {
    const enforcing = { ...testOutlierConfig().enforcing, success_rate: 0, failure_percentage: 100 }
    const { hosts, counts, interval } = world({ ...off, enforcing }, 5)
    fail(hosts, failures)
    interval(10_000)
    expect(counts.enforced).toEqual(enforced as EjectionKind[])
  })

  test('local origin has rates of its own when it is split off', () => {
    const { hosts, host, counts, interval } = world(
      { ...off, splitLocalOrigin: true, consecutiveLocalOriginFailure: 0 },
      5,
    )
    for (const other of hosts) times(50, () => other.countConnected())
    for (const other of hosts) times(50, () => (other === host ? other.countTimeout() : other.countConnected()))
    interval(10_000)
    expect(host.ejected).toBe(true)
    expect(counts.enforced).toEqual(['local_origin_success_rate'])
  })
})
