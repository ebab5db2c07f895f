import type { EdgeLabels } from '../../telemetry/index.ts'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import type { DownstreamInfo } from './downstream.ts'

/** Value of a label that nothing is known for, as in Istio. */
export const unknownLabel = 'unknown'

/** A workload as it is described by itself, for labels. Unknown texts are empty. */
export interface WorkloadNode {
  readonly namespace: string
  readonly workload: string
  readonly clusterId: string
  /** `service.istio.io/canonical-name`, `service.istio.io/canonical-revision`, `app` and `version` are read. */
  readonly labels: Readonly<Record<string, string>>
}

/** One end of an edge, as Istio's metric labels name it. */
export interface EdgeEnd {
  readonly workload: string
  readonly namespace: string
  readonly app: string
  readonly version: string
  readonly service: string
  readonly revision: string
  readonly cluster: string
}

/** The two ends of an edge and what else its labels say. */
export interface EdgeEnds {
  readonly info: DownstreamInfo
  readonly source: EdgeEnd
  readonly destination: EdgeEnd
  readonly service: ClusterConfig['destination']
  /** Namespace of the service when it is not known. */
  readonly serviceNamespace: string
  /** SPIFFE ids that the upstream and this proxy proved to each other; empty when plain. */
  readonly upstreamSpiffeId: string
  readonly ownSpiffeId: string
  readonly protocol: EdgeLabels['requestProtocol']
}

/** Labels of an edge with Istio's meaning: reporter `destination` on inbound listeners, `source` elsewhere. */
export function joinEdge({ info, source, destination, service, ...edge }: EdgeEnds): EdgeLabels {
  const inbound = info.direction === 'inbound'
  return {
    reporter: inbound ? 'destination' : 'source',
    sourceWorkload: source.workload,
    sourceNamespace: source.namespace,
    sourcePrincipal: (inbound ? info.peerSpiffeId : edge.ownSpiffeId) || unknownLabel,
    sourceApp: source.app,
    sourceVersion: source.version,
    sourceCanonicalService: source.service,
    sourceCanonicalRevision: source.revision,
    sourceCluster: source.cluster,
    destinationWorkload: destination.workload,
    destinationNamespace: destination.namespace,
    destinationPrincipal: (inbound ? info.localSpiffeId : edge.upstreamSpiffeId) || unknownLabel,
    destinationApp: destination.app,
    destinationVersion: destination.version,
    destinationService: service?.host ?? unknownLabel,
    destinationServiceName: service?.name ?? unknownLabel,
    destinationServiceNamespace: service?.namespace ?? edge.serviceNamespace,
    destinationCanonicalService: destination.service,
    destinationCanonicalRevision: destination.revision,
    destinationCluster: destination.cluster,
    requestProtocol: edge.protocol,
    // The client's side does not report it, as in Istio: only the server knows what it demanded.
    connectionSecurityPolicy: inbound ? (info.peerSpiffeId === '' ? 'none' : 'mutual_tls') : 'unknown',
  }
}

/** An end of which nothing is known but perhaps its namespace. */
export function unknownEnd(namespace: string = unknownLabel): EdgeEnd {
  return {
    workload: unknownLabel,
    namespace,
    app: unknownLabel,
    version: unknownLabel,
    service: unknownLabel,
    revision: unknownLabel,
    cluster: unknownLabel,
  }
}

/** An end by what the workload says of itself. */
export function workloadEnd({ workload, namespace, clusterId, labels }: WorkloadNode): EdgeEnd {
  const app = labels['app'] ?? labels['app.kubernetes.io/name'] ?? ''
  const version = labels['version'] ?? labels['app.kubernetes.io/version'] ?? ''
  return {
    workload: workload || unknownLabel,
    namespace: namespace || unknownLabel,
    app: app || unknownLabel,
    version: version || unknownLabel,
    service: labels['service.istio.io/canonical-name'] ?? (app || workload || unknownLabel),
    revision: labels['service.istio.io/canonical-revision'] ?? (version || 'latest'),
    cluster: clusterId || unknownLabel,
  }
}

/** An end by what the control plane says of the endpoint. */
export function endpointEnd(endpoint: EndpointConfig | undefined): EdgeEnd {
  const workload = endpoint?.workload
  if (workload === undefined) return unknownEnd()
  return {
    workload: workload.name || unknownLabel,
    namespace: workload.namespace || unknownLabel,
    app: workload.canonicalService || unknownLabel,
    version: workload.canonicalRevision || unknownLabel,
    service: workload.canonicalService || unknownLabel,
    revision: workload.canonicalRevision || 'latest',
    cluster: workload.cluster || unknownLabel,
  }
}
