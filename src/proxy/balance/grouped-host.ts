import type { BalancedHost } from './balancer.ts'
import type { LevelHealth } from './priority-load.ts'

/** What is read of a host before one is chosen among equals. */
export interface GroupedHost extends BalancedHost {
  /** All that is known of it together: the control plane's word, outlier detection, health checks. */
  readonly availability: 'healthy' | 'degraded' | 'unhealthy'
  /** Not healthy, and counted by nobody: whether it ever will be is not known yet (Envoy's excluded hosts). */
  readonly excluded?: boolean
  /** 0 is the first choice. */
  readonly priority: number
  /** Empty: none is named. */
  readonly locality: string
  /** 0: none is given. */
  readonly localityWeight: number
}

/** Hosts of one locality and priority. */
export interface LocalityGroup<Host> {
  readonly locality: string
  /** `load_balancing_weight` of the locality; 0: none. */
  readonly weight: number
  readonly hosts: Host[]
}

/** Hosts by locality, in the order in which localities first appear. */
export function groupByLocality<Host extends GroupedHost>(hosts: readonly Host[]): readonly LocalityGroup<Host>[] {
  const groups = new Map<string, LocalityGroup<Host>>()
  for (const host of hosts) {
    const known = groups.get(host.locality)
    if (known === undefined)
      groups.set(host.locality, { locality: host.locality, weight: host.localityWeight, hosts: [host] })
    else known.hosts.push(host)
  }
  return [...groups.values()]
}

/** Counts hosts by health; `measure` is 1 by default. */
export function healthOf<Host extends GroupedHost>(
  hosts: readonly Host[],
  measure: (host: Host) => number = () => 1,
): LevelHealth {
  const level = { total: 0, healthy: 0, degraded: 0, excluded: 0 }
  for (const host of hosts) {
    if (host.excluded === true) level.excluded += measure(host)
    else level.total += measure(host)
    if (host.availability !== 'unhealthy') level[host.availability] += measure(host)
  }
  return level
}
