import type { Leg } from '../../../model/index.ts'
import { outboundClusterName } from '../../../xds/index.ts'
import type { ClusterRef } from '../../plan.ts'
import type { ClientView } from '../../select/index.ts'
import type { RoutePolicy } from '../route-policy.ts'

/** Which clusters share the requests. Legs of weight 0 are left out; a split of nothing but zeros is refused by the dialects. */
export const splitPolicy: RoutePolicy = {
  name: 'split',
  apply(plan, { view, rule, port }) {
    if (rule.action.kind !== 'forward') return
    plan.action = {
      kind: 'split',
      legs: weighted(rule.action.legs).map((leg) => ({
        cluster: legCluster(view, leg, port),
        weight: leg.weight,
        hostRewrite: undefined,
        requestHeaders: leg.requestHeaders,
        responseHeaders: leg.responseHeaders,
      })),
    }
  },
}

/** Legs that get anything. */
export function weighted(legs: readonly Leg[]): readonly Leg[] {
  return legs.filter((leg) => leg.weight > 0)
}

/**
 * The cluster of a leg. Without a port it is the service's only port, else the port that was called, as in Istio. The
 * cluster is named even when the service is not there: the proxy answers 503 (NC) until it is.
 */
export function legCluster(view: ClientView, leg: Leg, calledPort: number): ClusterRef {
  view.trace.hosts.add(leg.host)
  const ports = view.mesh.services.get(leg.host)?.ports ?? []
  const only = ports.length === 1 ? ports[0]?.number : undefined
  const port = leg.port ?? only ?? calledPort
  const subset = leg.subset ?? ''
  return { name: outboundClusterName(port, subset, leg.host), host: leg.host, port, subset, origin: leg.origin }
}
