import type { Service, ServicePort, TcpUpstream } from '../model/index.ts'
import type { ClusterRef, LegPlan, RoutePlan, UpstreamPlan, VirtualHostPlan } from './plan.ts'
import { planTcpTarget } from './plan-tcp.ts'
import { planVirtualHost, type RouteSelection } from './plan-virtual-host.ts'
import { type ClientView, qualifiedHosts, visibleService } from './select/index.ts'
import { isHttp } from './wire-protocol.ts'

/** A loopback port with what it needs. */
export interface PlannedUpstream {
  readonly listener: UpstreamPlan
  /** Clusters of a TCP upstream; those of HTTP are named by its routes. */
  readonly refs: readonly ClusterRef[]
  /** The port of the service that is called by HTTP. */
  readonly http: { readonly service: Service; readonly port: ServicePort } | undefined
}

/**
 * The listener of a service on its loopback port. A port of HTTP is routed by its requests, whatever host they name;
 * any other, and one that is not there (yet), by its connections.
 */
export function planUpstream(view: ClientView, upstream: TcpUpstream): PlannedUpstream {
  const { host, port, loopbackPort } = upstream
  const candidates = qualifiedHosts(host.toLowerCase(), view.workload.namespace, view.mesh.settings.serviceDomain)
  const known = candidates.find((candidate) => visibleService(view, candidate) !== undefined)
  const full = known ?? candidates.at(-1) ?? host
  const service = visibleService(view, full)
  const called = service?.ports.find((candidate) => candidate.number === port)
  const name = `outbound_${port}_${full}`
  if (service !== undefined && called !== undefined && isHttp(called.protocol)) {
    const listener: UpstreamPlan = { name, loopbackPort, carries: { kind: 'http' }, origin: service.origin }
    return { listener, refs: [], http: { service, port: called } }
  }
  const { target, refs, origin } = planTcpTarget(view, full, port)
  return { listener: { name, loopbackPort, carries: { kind: 'tcp', target }, origin }, refs, http: undefined }
}

/**
 * The one virtual host of an upstream on a loopback port. Its client names the loopback address, which means nothing to the
 * service: requests go on with the name of the service and its port, unless the routes give another.
 */
export function planUpstreamHost(view: ClientView, selection: RouteSelection, name: string): VirtualHostPlan {
  const plan = planVirtualHost(view, selection, { name, domains: ['*'] })
  const { target } = selection
  const host =
    target.kind === 'service' ? `${target.service.host}:${target.port.number}` : `${target.host}:${target.port}`
  return { ...plan, routes: plan.routes.map((route) => named(route, host)) }
}

function named(route: RoutePlan, host: string): RoutePlan {
  const { action, hostRewrite } = route
  if (action.kind !== 'split' || hostRewrite !== undefined) return route
  if (action.legs.every((leg) => leg.hostRewrite === undefined)) return { ...route, hostRewrite: host }
  const legs = action.legs.map((leg): LegPlan => ({ ...leg, hostRewrite: leg.hostRewrite ?? host }))
  return { ...route, action: { ...action, legs } }
}
