import type { DestinationPolicy, Service, ServicePort, Subset, TrafficPolicy } from '../model/index.ts'
import type { Origin } from '../resources/index.ts'
import { clusterPasses } from './passes.ts'
import type { ClusterPlan, ClusterRef, WireProtocol } from './plan.ts'
import { effectivePolicy } from './policies/cluster-policy.ts'
import { defaultConnectTimeoutMs, defaultLimits } from './policies/connection-limits/connection-limits.ts'
import { type ClientView, findDestination, visibleService } from './select/index.ts'
import { wireProtocol } from './wire-protocol.ts'

/** A reference whose service, port and subset were found. */
export interface ClusterTarget {
  readonly service: Service
  readonly port: ServicePort
  readonly destination: DestinationPolicy | undefined
  readonly subset: Subset | undefined
  readonly policy: TrafficPolicy | undefined
}

/** Why a reference leads nowhere. */
export interface MissingCluster {
  readonly code: string
  readonly message: string
}

/** What a client sees of a missing cluster. */
const outcome = 'requests get 503 and connections are closed'

/** Looks a cluster reference up for one client; requests to one that is missing get 503. */
export function findClusterTarget(view: ClientView, ref: ClusterRef): ClusterTarget | MissingCluster {
  const service = visibleService(view, ref.host)
  if (service === undefined) {
    return {
      code: 'WEFT_COMPILE_DESTINATION_UNKNOWN',
      message: `Destination ${ref.host} is not a service that ${view.workload.namespace} can see; ${outcome}`,
    }
  }
  const port = service.ports.find((candidate) => candidate.number === ref.port)
  if (port === undefined) {
    const ports = service.ports.map((candidate) => candidate.number).join(', ')
    return {
      code: 'WEFT_COMPILE_PORT_UNKNOWN',
      message: `Destination ${ref.host} has no port ${ref.port} (it has ${ports === '' ? 'none' : ports}); ${outcome}`,
    }
  }
  const destination = findDestination(view, service)
  const subset = destination?.subsets.find((candidate) => candidate.name === ref.subset)
  if (ref.subset !== '' && subset === undefined) {
    return {
      code: 'WEFT_COMPILE_SUBSET_UNKNOWN',
      message: `No destination rule defines subset ${ref.subset} of ${ref.host}; ${outcome}`,
    }
  }
  if (service.host.startsWith('*') && service.resolution !== 'endpoints' && service.staticEndpoints.length === 0) {
    return {
      code: 'WEFT_COMPILE_HOST_NOT_RESOLVABLE',
      message: `Host ${service.host} cannot be looked up in DNS and has no endpoints; ${outcome}`,
    }
  }
  return { service, port, destination, subset, policy: effectivePolicy(destination, subset, port.number) }
}

/** The cluster of a target. */
export function planCluster(view: ClientView, ref: ClusterRef, target: ClusterTarget): ClusterPlan {
  const { service, port, destination, subset, policy } = target
  const { host, name, namespace } = service
  const protocol = wireProtocol(port.protocol)
  const origins = [destination?.origin, subset?.origin, policy?.origin].filter((origin) => origin !== undefined)
  const plan = emptyCluster({
    name: ref.name,
    protocol: protocol === 'http1' && policy?.http2Upgrade === true ? 'http2' : protocol,
    services: [{ host, name, namespace }],
    origin: subset?.origin ?? policy?.origin ?? service.origin,
    origins: [service.origin, ...origins],
  })
  const input = { view, service, port, destination, subset, policy }
  for (const pass of clusterPasses) pass.apply(plan, input)
  return plan
}

/** A cluster with every default, before any policy. */
export function emptyCluster(facts: {
  readonly name: string
  readonly protocol: WireProtocol
  readonly services: ClusterPlan['services']
  readonly origin: Origin
  readonly origins: readonly Origin[]
}): ClusterPlan {
  return {
    ...facts,
    discovery: 'static',
    endpoints: [],
    balancer: 'round-robin',
    connectTimeoutMs: defaultConnectTimeoutMs,
    limits: defaultLimits,
    httpIdleTimeoutMs: undefined,
    maxRequestsPerConnection: undefined,
    tcpKeepalive: undefined,
    outlierDetection: undefined,
    transport: { kind: 'plain' },
  }
}
