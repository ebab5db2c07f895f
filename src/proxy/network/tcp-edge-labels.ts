import type { EdgeLabels } from '../../telemetry/index.ts'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import type { DownstreamInfo } from './downstream.ts'

/** The workload that this proxy serves, for labels. Unknown texts are empty. */
export interface WorkloadNode {
  readonly namespace: string
  readonly workload: string
  readonly clusterId: string
  /** `service.istio.io/canonical-name`, `service.istio.io/canonical-revision`, `app` and `version` are read. */
  readonly labels: Readonly<Record<string, string>>
}

/** The facts of a proxied TCP connection that its metric labels are made of. */
export interface TcpEdge {
  readonly node: WorkloadNode
  readonly info: DownstreamInfo
  readonly cluster: ClusterConfig
  readonly endpoint: EndpointConfig
  /** Who answered, and who we were to it; empty when plain. */
  readonly upstreamSpiffeId: string
  readonly localSpiffeId: string
}

const UNKNOWN = 'unknown'

interface End {
  readonly workload: string
  readonly namespace: string
  readonly principal: string
  readonly app: string
  readonly version: string
  readonly service: string
  readonly revision: string
  readonly cluster: string
}

/**
 * Labels of a TCP edge, as Istio's proxies put them on `istio_tcp_*`. On the client's side the destination is what EDS says of
 * the endpoint; on the server's side the source is known by its SPIFFE id only.
 */
export function tcpEdgeLabels(edge: TcpEdge): EdgeLabels {
  const inbound = edge.info.direction === 'inbound'
  const own = ownEnd(edge.node, inbound ? edge.info.localSpiffeId : edge.localSpiffeId)
  const source = inbound ? peerEnd(edge.info.peerSpiffeId) : own
  const destination = inbound ? own : endpointEnd(edge.endpoint, edge.upstreamSpiffeId)
  const service = edge.cluster.destination
  return {
    reporter: inbound ? 'destination' : 'source',
    sourceWorkload: source.workload,
    sourceNamespace: source.namespace,
    sourcePrincipal: source.principal,
    sourceApp: source.app,
    sourceVersion: source.version,
    sourceCanonicalService: source.service,
    sourceCanonicalRevision: source.revision,
    sourceCluster: source.cluster,
    destinationWorkload: destination.workload,
    destinationNamespace: destination.namespace,
    destinationPrincipal: destination.principal,
    destinationApp: destination.app,
    destinationVersion: destination.version,
    destinationService: service?.host ?? UNKNOWN,
    destinationServiceName: service?.name ?? UNKNOWN,
    destinationServiceNamespace: service?.namespace ?? destination.namespace,
    destinationCanonicalService: destination.service,
    destinationCanonicalRevision: destination.revision,
    destinationCluster: destination.cluster,
    requestProtocol: 'tcp',
    // The client's side does not report it, as in Istio: only the server knows what it demanded.
    connectionSecurityPolicy: inbound ? (edge.info.peerSpiffeId === '' ? 'none' : 'mutual_tls') : 'unknown',
  }
}

function ownEnd(node: WorkloadNode, principal: string): End {
  const { labels } = node
  const app = labels['app'] ?? labels['app.kubernetes.io/name'] ?? UNKNOWN
  return {
    workload: orUnknown(node.workload),
    namespace: orUnknown(node.namespace),
    principal: orUnknown(principal),
    app,
    version: labels['version'] ?? UNKNOWN,
    service: labels['service.istio.io/canonical-name'] ?? (app === UNKNOWN ? orUnknown(node.workload) : app),
    revision: labels['service.istio.io/canonical-revision'] ?? labels['version'] ?? 'latest',
    cluster: orUnknown(node.clusterId),
  }
}

function endpointEnd({ workload }: EndpointConfig, principal: string): End {
  return {
    workload: orUnknown(workload?.name),
    namespace: orUnknown(workload?.namespace),
    principal: orUnknown(principal),
    app: orUnknown(workload?.canonicalService),
    version: orUnknown(workload?.canonicalRevision),
    service: orUnknown(workload?.canonicalService),
    revision: orUnknown(workload?.canonicalRevision),
    cluster: orUnknown(workload?.cluster),
  }
}

function peerEnd(spiffeId: string): End {
  const namespace = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\//.exec(spiffeId)?.[1]
  return {
    workload: UNKNOWN,
    namespace: orUnknown(namespace),
    principal: orUnknown(spiffeId),
    app: UNKNOWN,
    version: UNKNOWN,
    service: UNKNOWN,
    revision: UNKNOWN,
    cluster: UNKNOWN,
  }
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === '' ? UNKNOWN : text
}
