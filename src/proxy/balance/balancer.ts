import type { PeakLatency } from './peak-latency.ts'

/** What balancing reads of a host. */
export interface BalancedHost {
  /** `ip:port`: what consistent hashing knows a host by. */
  readonly authority: string
  /** 1 or more. */
  readonly weight: number
  /** Requests in progress, counted by the data path. */
  readonly activeRequests: number
  /** When it began to take requests, monotonic ms: slow start counts from here. Absent: long ago. */
  readonly since?: number | undefined
  /** How long it takes to answer; kept for peak EWMA only. */
  readonly latency?: PeakLatency | undefined
}

/**
 * Chooses among hosts that may take new work; who may is decided before (see `PriorityBalancer`). Stateful where the
 * method is (round robin), and then started at random, so that many proxies do not all begin with the same host.
 */
export interface Balancer<Host extends BalancedHost> {
  /** Replaces the hosts. `shares`, in their order and 1 together, stand in for those by weight: consistent hashing only. */
  readonly setHosts: (hosts: readonly Host[], shares?: readonly number[]) => void
  /**
   * A host; undefined when there is none. O(log table) or better. Consistent hashing maps `hash` to a host, and with
   * `attempt` above 0 (default 0) rather to another one; the other methods look at neither.
   */
  readonly pick: (hash?: bigint, attempt?: number) => Host | undefined
}

/** What balancers are given. */
export interface BalancerParts {
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Monotonic ms; read by slow start and peak EWMA only. */
  readonly now: () => number
}

/** Draws again this often before it searches for a host that is not to be avoided. */
const REDRAWS = 3

/** Hosts to be avoided, and how hard. */
export interface AvoidedHosts {
  readonly hosts: readonly unknown[]
  /** Draws again this often and then takes what was drawn last; absent: such a host is taken only when there is no other. */
  readonly attempts?: number
}

/**
 * Picks a host other than those to be avoided (the earlier tries of a retried request). With consistent hashing the next
 * hosts of the same hash are asked for, so a key that cannot have its host is sticky to the same other one.
 *
 * @param hosts All that the balancer may give.
 */
export function pickAvoiding<Host extends BalancedHost>(
  balancer: Pick<Balancer<Host>, 'pick'>,
  hosts: readonly Host[],
  avoid: AvoidedHosts,
  hash?: bigint,
): Host | undefined {
  let host = balancer.pick(hash)
  const draws = avoid.attempts ?? REDRAWS
  for (let draw = 1; draw <= draws && host !== undefined && avoid.hosts.includes(host); draw += 1)
    host = balancer.pick(hash, draw)
  if (avoid.attempts !== undefined || !avoid.hosts.includes(host)) return host
  return hosts.find((other) => !avoid.hosts.includes(other)) ?? host
}
