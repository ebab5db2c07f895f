import type { SlowStartConfig } from '../config/index.ts'
import type { BalancedHost, Balancer, BalancerParts } from './balancer.ts'
import { EdfSchedule } from './edf-schedule.ts'
import { createSlowStart } from './slow-start.ts'

/**
 * Weighted round robin, as Envoy does it: equal weights are served strictly in turn, others by {@link EdfSchedule}. In slow
 * start a new host's weight grows, so it is the schedule's until all are grown.
 */
export function createRoundRobin<Host extends BalancedHost>(
  parts: BalancerParts,
  slowStartConfig?: SlowStartConfig,
): Balancer<Host> {
  const slowStart = createSlowStart(slowStartConfig, parts.now)
  const schedule = new EdfSchedule<Host>((host) => host.weight * (slowStart?.factor(host) ?? 1))
  let ring: readonly Host[] = []
  let next = 0
  let isEqual = true
  let slowUntil = 0
  return {
    setHosts(hosts) {
      ring = hosts
      next = Math.floor(parts.random() * hosts.length)
      isEqual = hosts.every(({ weight }) => weight === hosts[0]?.weight)
      slowUntil = slowStart?.until(hosts) ?? 0
      schedule.setItems(isEqual && slowUntil === 0 ? [] : hosts, parts.random)
    },
    pick() {
      if (slowUntil > 0 && parts.now() >= slowUntil) {
        slowUntil = 0
        if (isEqual) schedule.setItems([], parts.random)
      }
      if (!schedule.isEmpty) return schedule.next()
      const host = ring[next]
      next = next + 1 >= ring.length ? 0 : next + 1
      return host
    },
  }
}
