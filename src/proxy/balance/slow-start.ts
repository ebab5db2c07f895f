import type { SlowStartConfig } from '../config/index.ts'
import type { BalancedHost } from './balancer.ts'

/** Weights of hosts that have just come. */
export interface SlowStart {
  /** Share of its weight that a host has now, above 0 up to 1. */
  readonly factor: (host: BalancedHost) => number
  /** Monotonic ms from which on all these hosts have their whole weight; 0 when they have it already. */
  readonly until: (hosts: readonly BalancedHost[]) => number
}

/**
 * Envoy's slow start: the share is (age / window) to the power of 1 / aggression, and never less than `minWeight`.
 * Undefined without a configuration: all weights are whole.
 */
export function createSlowStart(config: SlowStartConfig | undefined, now: () => number): SlowStart | undefined {
  if (config === undefined) return undefined
  const { windowMs, aggression, minWeight } = config
  const least = Math.max(minWeight, Number.EPSILON)
  return {
    factor(host) {
      if (host.since === undefined) return 1
      const age = Math.max(1, now() - host.since)
      if (age >= windowMs) return 1
      const share = age / windowMs
      return Math.max(least, aggression === 1 ? share : share ** (1 / aggression))
    },
    until(hosts) {
      const youngest = hosts.reduce((latest, { since = -Infinity }) => Math.max(latest, since), -Infinity)
      const end = youngest + windowMs
      return end > now() ? end : 0
    },
  }
}
