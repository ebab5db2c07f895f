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

/** Picks a host other than `avoid` (the last try of a retried request); `avoid` itself when there is no other. */
export function pickAvoiding<Host extends BalancedHost>(
  balancer: Balancer<Host>,
  hosts: readonly Host[],
  avoid: Host | undefined,
): Host | undefined {
  const first = balancer.pick()
  if (first !== avoid || avoid === undefined) return first
  for (let draw = 0; draw < REDRAWS; draw += 1) {
    const next = balancer.pick()
    if (next !== avoid) return next
  }
  return hosts.find((host) => host !== avoid) ?? first
}
