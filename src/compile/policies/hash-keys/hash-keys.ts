import type { HashKey } from '../../../model/index.ts'
import type { ClusterRef } from '../../plan.ts'
import type { ClientView } from '../../select/index.ts'
import { referencePolicy } from '../cluster-policy.ts'
import type { RoutePolicy } from '../route-policy.ts'

/** What the destinations of a route hash, for the proxy to compute it from the request. */
export const hashKeysPolicy: RoutePolicy = {
  name: 'hash-keys',
  apply(plan, { view }) {
    if (plan.action.kind !== 'split') return
    const refs = plan.action.legs.map((leg) => leg.cluster)
    plan.hashKeys = hashKeys(view, refs)
  },
}

/**
 * Keys of the clusters with consistent hashing in the order of the clusters, each once. A route has one hash for all of
 * its legs, as in Istio: it is made of the keys of all of them.
 */
export function hashKeys(view: ClientView, refs: readonly ClusterRef[]): readonly HashKey[] {
  const keys = new Map<string, HashKey>()
  for (const ref of refs) {
    const balancer = referencePolicy(view, ref)?.loadBalancer
    if (typeof balancer === 'object') keys.set(JSON.stringify(balancer.key), balancer.key)
  }
  return [...keys.values()]
}
