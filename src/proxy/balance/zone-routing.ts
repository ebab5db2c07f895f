/** The cluster that this proxy is part of itself (`local_cluster_name`), as seen from its zone. */
export interface LocalCluster {
  /** Where this proxy runs. */
  readonly locality: string
  /** Healthy endpoints of the local cluster by locality, priority 0. */
  readonly healthy: ReadonlyMap<string, number>
  /** Share of its endpoints that are healthy, 0 to 100: below the panic threshold no conclusions are drawn from it. */
  readonly healthPercent: number
}

/** Where requests go when the own zone is preferred. */
export interface ZoneShares {
  /** Share of requests that stay in the own zone, 0 to 1. */
  readonly own: number
  /** Room that each of the other localities has for what does not stay, in their order; all 0: none has more than another. */
  readonly residual: readonly number[]
}

/**
 * Envoy's zone-aware routing: as much traffic stays in the zone as keeps the load of all upstream endpoints even. A zone with a larger
 * part of the upstream endpoints than of the callers keeps all of its traffic, and has room for others; a zone with a smaller part sends
 * what is too much to where there is room.
 *
 * @param upstream Healthy endpoints by locality.
 * @param others Localities other than the own one.
 * @returns Undefined when the own zone has no upstream endpoint, or nothing to compare with.
 */
export function zoneShares(
  local: LocalCluster,
  upstream: ReadonlyMap<string, number>,
  others: readonly string[],
): ZoneShares | undefined {
  const callers = sumOf(local.healthy)
  const total = sumOf(upstream)
  const here = upstream.get(local.locality) ?? 0
  if (callers === 0 || here === 0 || others.length === 0 || local.healthy.size < 2) return undefined
  const upstreamPart = (locality: string): number => (upstream.get(locality) ?? 0) / total
  const callerPart = (locality: string): number => (local.healthy.get(locality) ?? 0) / callers
  const ownPart = callerPart(local.locality)
  const own = ownPart <= upstreamPart(local.locality) ? 1 : upstreamPart(local.locality) / ownPart
  return { own, residual: others.map((locality) => Math.max(0, upstreamPart(locality) - callerPart(locality))) }
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const count of counts.values()) total += count
  return total
}
