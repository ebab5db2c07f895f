import type { Service, TcpUpstream } from '../model/index.ts'
import type { Origin } from '../resources/index.ts'
import { outboundClusterName } from '../xds/index.ts'
import type { ClusterRef, TcpListenerPlan, TcpTargetPlan } from './plan.ts'
import { effectivePolicy } from './policies/cluster-policy.ts'
import { isFromClient } from './policies/route-match/route-match.ts'
import { legCluster, weighted } from './policies/split/split.ts'
import { type ClientView, findDestination, findRoute, qualifiedHosts, visibleService } from './select/index.ts'

/** A TCP target with the clusters it names. */
export interface TcpTarget {
  readonly target: TcpTargetPlan
  readonly refs: readonly ClusterRef[]
  readonly origin: Origin
}

/**
 * Where connections to a host's port go: the first TCP rule for this client and port, else the service itself. The
 * cluster is named even when there is no such service: its connections are refused until there is.
 */
export function planTcpTarget(view: ClientView, host: string, port: number): TcpTarget {
  const service = visibleService(view, host)
  const rule = findRoute(view, host)?.tcp.find(
    ({ matches }) =>
      matches.length === 0 || matches.some((match) => (match.port ?? port) === port && isFromClient(view, match)),
  )
  const legs = weighted(rule?.legs ?? [])
  const origin = rule?.origin ?? service?.origin ?? view.workload.origin
  const own: ClusterRef = { name: outboundClusterName(port, '', host), host, port, subset: '', origin }
  const refs = legs.length === 0 ? [own] : legs.map((leg) => legCluster(view, leg, port))
  const clusters = refs.map(({ name }, index) => ({ name, weight: legs[index]?.weight ?? 1 }))
  return { target: { clusters, idleTimeoutMs: idleTimeout(view, service, port) }, refs, origin }
}

function idleTimeout(view: ClientView, service: Service | undefined, port: number): number | undefined {
  if (service === undefined) return undefined
  return effectivePolicy(findDestination(view, service), undefined, port)?.tcpIdleTimeoutMs
}

/** The listener of a TCP upstream on its loopback port. */
export function planTcpListener(
  view: ClientView,
  upstream: TcpUpstream,
): { readonly listener: TcpListenerPlan; readonly refs: readonly ClusterRef[] } {
  const { host, port, loopbackPort } = upstream
  const candidates = qualifiedHosts(host.toLowerCase(), view.workload.namespace, view.mesh.settings.serviceDomain)
  const known = candidates.find((candidate) => visibleService(view, candidate) !== undefined)
  const full = known ?? candidates.at(-1) ?? host
  const { target, refs, origin } = planTcpTarget(view, full, port)
  return { listener: { name: `outbound_tcp_${port}_${full}`, loopbackPort, target, origin }, refs }
}
