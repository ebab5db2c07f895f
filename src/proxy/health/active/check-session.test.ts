import { describe, expect, test } from 'bun:test'
import { TimerWheel } from '../../../base/index.ts'
import type { HealthCheckConfig } from '../../config/index.ts'
import { createFakeTelemetry, testHealthCheck } from '../../data-plane-configs.fixture.ts'
import { HostHealth } from '../host-health.ts'
import { type CheckOutcome, failedAnswer, failedNetwork, notReady, passed } from './check-outcome.ts'
import { CheckSession } from './check-session.ts'
import { createCheckStats } from './check-stats.ts'

const retriable: CheckOutcome = { kind: 'failed', cause: 'retriable', excluded: false }
const degraded: CheckOutcome = { kind: 'passed', degraded: true }

/** A session whose time and outcomes are the test's; the host fails until it was checked, unless `serving`. */
function world(
  overrides: Partial<HealthCheckConfig> = {},
  options: { readonly serving?: boolean; readonly random?: number } = {},
) {
  let now = 0
  const clock = { now: () => now, monotonic: () => now }
  const timers = new TimerWheel({ clock, alarm: { set: () => undefined, clear: () => undefined }, tickMs: 1 })
  const health = new HostHealth({ config: { health: 'healthy' }, outlier: undefined })
  health.failedActive = options.serving !== true
  const telemetry = createFakeTelemetry()
  const seen: string[] = []
  const started: number[] = []
  const state = { traffic: true, aborts: 0 }
  let report: (outcome: CheckOutcome) => void = () => undefined
  const session = new CheckSession({
    config: testHealthCheck(overrides),
    health,
    stats: createCheckStats(telemetry, 'c'),
    timers,
    random: () => options.random ?? 0,
    hasTraffic: () => state.traffic,
    createProbe: (done) => {
      report = done
      return { start: () => void started.push(now), abort: () => void (state.aborts += 1), close: () => undefined }
    },
    onResult: (isPassed, transition) => seen.push(`${isPassed ? 'pass' : 'fail'} ${transition}`),
  })
  const pass = (ms: number): void => {
    for (let step = 0; step < ms; step += 1) {
      now += 1
      timers.advance()
    }
  }
  /** Ends the check that is on its way, then waits until the next one. */
  const check = (outcome: CheckOutcome): boolean => {
    report(outcome)
    const before = started.length
    for (let step = 0; step < 100_000 && started.length === before; step += 1) pass(1)
    return !health.failedActive
  }
  const count = (name: string) => telemetry.values.get(`envoy_cluster_health_check_${name}`)?.value ?? 0
  /** Milliseconds from each check to the next. */
  const pauses = () => started.slice(1).map((time, index) => time - (started[index] ?? 0))
  return {
    session,
    health,
    seen,
    started,
    state,
    pass,
    check,
    count,
    pauses,
    report: (outcome: CheckOutcome) => report(outcome),
  }
}

describe('CheckSession', () => {
  test('makes healthy by the first pass, whatever the threshold', () => {
    const { session, check, seen } = world({ healthyThreshold: 5 })
    session.start()
    expect(check(passed)).toBe(true)
    expect(seen).toEqual(['pass changed'])
  })

  test('makes unhealthy after as many network failures in a row as the threshold says, and healthy in the same way', () => {
    const { session, check, seen, count } = world({ unhealthyThreshold: 3, healthyThreshold: 2 })
    session.start()
    const outcomes = [
      passed,
      failedNetwork,
      failedNetwork,
      passed,
      failedNetwork,
      retriable,
      failedNetwork,
      passed,
      failedNetwork,
      passed,
      passed,
    ]
    expect(outcomes.map(check)).toEqual([true, true, true, true, true, true, false, false, false, false, true])
    expect(seen).toEqual([
      'pass changed',
      'fail pending',
      'fail pending',
      'pass unchanged',
      'fail pending',
      'fail pending',
      'fail changed',
      'pass pending',
      'fail unchanged',
      'pass pending',
      'pass changed',
    ])
    expect([count('attempt'), count('success'), count('failure'), count('network_failure')]).toEqual([12, 5, 6, 5])
    expect([count('healthy'), count('degraded')]).toEqual([1, 0])
  })

  test('makes unhealthy at once when the host says that it is not well', () => {
    const { session, check } = world({ unhealthyThreshold: 9 })
    session.start()
    expect([check(passed), check(failedAnswer)]).toEqual([true, false])
  })

  test('lets the first result decide about a host that was in use before', () => {
    const { session, health, check } = world({ unhealthyThreshold: 9 }, { serving: true })
    session.start()
    expect(health.available).toBe(true)
    expect(check(failedNetwork)).toBe(false)
  })

  test('marks a host degraded while it says so', () => {
    const { session, health, check, seen, count } = world()
    session.start()
    check(degraded)
    expect([health.available, health.degraded, health.describe(), count('degraded')]).toEqual([
      true,
      true,
      '/degraded_active_hc',
      1,
    ])
    check(degraded)
    check(passed)
    expect([health.degraded, count('degraded')]).toEqual([false, 0])
    expect(seen).toEqual(['pass changed', 'pass unchanged', 'pass changed'])
  })

  test('ends a check that takes too long, and says so in the flags', () => {
    const { session, health, pass, state, count, report } = world({ timeoutMs: 50, unhealthyThreshold: 1 })
    session.start()
    pass(60)
    expect([state.aborts, count('network_failure')]).toEqual([1, 1])
    expect(health.describe()).toBe('/failed_active_hc/active_hc_timeout')
    report(passed)
    expect(health.failedActive).toBe(true)
  })

  test('waits for the interval that goes with the result', () => {
    const { session, check, pauses } = world({
      intervalMs: 10,
      unhealthyIntervalMs: 20,
      unhealthyEdgeIntervalMs: 30,
      healthyEdgeIntervalMs: 40,
    })
    session.start()
    // healthy, first failure, unhealthy, still so, first success, healthy again
    for (const outcome of [passed, failedNetwork, failedNetwork, failedNetwork, passed, passed]) check(outcome)
    expect(pauses()).toEqual([10, 30, 20, 20, 40, 10])
  })

  test('keeps to the intervals without traffic while the cluster has had no connection', () => {
    const { session, check, pauses, state } = world({
      noTrafficIntervalMs: 70,
      noTrafficHealthyIntervalMs: 90,
      intervalMs: 10,
    })
    state.traffic = false
    session.start()
    for (const outcome of [passed, failedNetwork, failedNetwork, passed]) check(outcome)
    state.traffic = true
    check(passed)
    expect(pauses()).toEqual([90, 70, 70, 70, 10])
  })

  test('adds jitter that was drawn: to the first check, as a share and as a time', () => {
    const config = { initialJitterMs: 100, intervalMs: 200, intervalJitterPercent: 10, intervalJitterMs: 40 }
    const { session, pass, check, started, pauses } = world(config, { random: 0.5 })
    session.start()
    expect(started).toEqual([])
    pass(50)
    expect(started).toEqual([50])
    check(passed)
    expect(pauses()).toEqual([230])
  })

  test('learns nothing from a check that could not be made, and tries again soon', () => {
    const { session, check, seen, pauses } = world()
    session.start()
    check(notReady)
    expect(seen).toEqual([])
    expect(pauses()).toEqual([250])
  })

  test('takes the word of a response to a client, between checks', () => {
    const { session, health, check, seen, count } = world({ unhealthyThreshold: 9 })
    session.start()
    check(passed)
    session.failNow()
    expect(health.describe()).toBe('/failed_active_hc/excluded_via_immediate_hc_fail')
    expect([health.excluded, count('passive_failure'), seen.at(-1)]).toEqual([true, 1, 'fail changed'])
    check(passed)
    expect(check(passed)).toBe(true)
    expect(health.excluded).toBe(false)
  })

  test('stop() takes the host out of the gauges and reports no more', () => {
    const { session, check, seen, count, report } = world()
    session.start()
    check(passed)
    session.stop()
    session.stop()
    report(failedAnswer)
    expect([seen, count('healthy')]).toEqual([['pass changed'], 0])
  })
})
