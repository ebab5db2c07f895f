import type { Service, ServicePort } from '../../model/index.ts'
import { type ClientView, visibleService } from './client-view.ts'
import { findRoute } from './find-route.ts'
import { hostPatterns, parseAuthority, qualifiedHosts } from './host-patterns.ts'

/** What an authority means to a client. */
export type ResolvedAuthority =
  | { readonly kind: 'service'; readonly service: Service; readonly port: ServicePort }
  /** No service has this host, only a route object. */
  | { readonly kind: 'route-only'; readonly host: string; readonly port: number }

/** Port of `http` URLs, which an authority without port means. */
export const defaultHttpPort = 80

/**
 * Finds what `reviews:9080`, `reviews.default:9080`, a ServiceEntry's host, a name under its wildcard, or a service's
 * address means to the client. Without port it is port 80, which the service must have. Undefined when nothing is called that.
 */
export function resolveAuthority(view: ClientView, text: string): ResolvedAuthority | undefined {
  const authority = parseAuthority(text)
  if (authority === undefined) return undefined
  const port = authority.port ?? defaultHttpPort
  const { serviceDomain } = view.mesh.settings
  const candidates = qualifiedHosts(authority.host, view.workload.namespace, serviceDomain)
  for (const host of candidates) {
    const found = servicePort(visibleService(view, host), port)
    if (found !== undefined) return found
  }
  for (const host of candidates) {
    // `*` alone is left out: a service for every name would make every typing error a host of the mesh.
    for (const pattern of hostPatterns(host).slice(1, -1)) {
      const found = servicePort(visibleService(view, pattern), port)
      if (found !== undefined) return found
    }
  }
  const owner = view.index.serviceByAddress(authority.host)
  if (owner !== undefined) return servicePort(visibleService(view, owner.host), port)
  return port === defaultHttpPort ? routeOnly(view, candidates, port) : undefined
}

function servicePort(service: Service | undefined, port: number): ResolvedAuthority | undefined {
  const found = service?.ports.find((candidate) => candidate.number === port)
  return service === undefined || found === undefined ? undefined : { kind: 'service', service, port: found }
}

/** As in Istio, a route object's host that is no service is served on port 80. `*` alone names no host. */
function routeOnly(view: ClientView, candidates: readonly string[], port: number): ResolvedAuthority | undefined {
  for (const host of candidates) {
    // A service that only lacks the port keeps its name: its rules are for the ports that it has.
    if (view.mesh.services.has(host)) return undefined
    const route = findRoute(view, host)
    if (
      route !== undefined &&
      hostPatterns(host)
        .slice(0, -1)
        .some((pattern) => route.hosts.includes(pattern))
    ) {
      return { kind: 'route-only', host, port }
    }
  }
  return undefined
}
