import type { HttpRoute } from '../../model/index.ts'
import type { ClientView } from './client-view.ts'
import { hostPatterns } from './host-patterns.ts'
import { isVisible } from './visibility.ts'

/** Gateway name that stands for every sidecar. */
export const meshGateway = 'mesh'

/**
 * The route object that owns the rules of a host for this client: the most specific host, the oldest of equals, among
 * those that are exported to the client and bound to `mesh`. A younger one for the same host is reported.
 */
export function findRoute(view: ClientView, host: string): HttpRoute | undefined {
  for (const pattern of hostPatterns(host)) {
    view.trace.hosts.add(pattern)
    const routes = (view.mesh.routesByHost.get(pattern) ?? []).filter(
      (route) =>
        route.gateways.includes(meshGateway) && isVisible(route.exportTo, route.namespace, view.workload.namespace),
    )
    const [owner, ...shadowed] = routes
    if (owner === undefined) continue
    for (const route of shadowed) {
      view.trace.warnings.push({
        code: 'WEFT_COMPILE_ROUTE_SHADOWED',
        message: `Host ${pattern} already has the rules of ${owner.namespace}/${owner.name}; those of ${route.namespace}/${route.name} do nothing for it`,
        origin: route.origin,
      })
    }
    return owner
  }
  return undefined
}
