/** What balancing reads of a host. */
export interface BalancedHost {
  /** 1 or more. */
  readonly weight: number
  /** Requests in progress, counted by the data path. */
  readonly activeRequests: number
}

/**
 * Chooses among hosts that may take new work; who may is decided before (see `availableHosts`). Stateful where the
 * method is (round robin), and then started at random, so that many proxies do not all begin with the same host.
 */
export interface Balancer<Host extends BalancedHost> {
  /** Replaces the hosts. */
  readonly setHosts: (hosts: readonly Host[]) => void
  /** A host; undefined when there is none. O(log hosts) or better. */
  readonly pick: () => Host | undefined
}

/** Draws again this often before it searches for a host that is not to be avoided. */
const REDRAWS = 3

/** Hosts to be avoided, and how hard. */
export interface AvoidedHosts {
  readonly hosts: readonly unknown[]
  /** Draws again this often and then takes what was drawn last; absent: such a host is taken only when there is no other. */
  readonly attempts?: number
}

/** Picks a host other than those to be avoided (the earlier tries of a retried request). */
export function pickAvoiding<Host extends BalancedHost>(
  balancer: Balancer<Host>,
  hosts: readonly Host[],
  avoid: AvoidedHosts,
): Host | undefined {
  let host = balancer.pick()
  const draws = avoid.attempts ?? REDRAWS
  for (let draw = 0; draw < draws && host !== undefined && avoid.hosts.includes(host); draw += 1) host = balancer.pick()
  if (avoid.attempts !== undefined || !avoid.hosts.includes(host)) return host
  return hosts.find((other) => !avoid.hosts.includes(other)) ?? host
}
