import type { EdgeLabels } from '../../telemetry/index.ts'
import type { EndpointRuntime } from '../cluster/index.ts'
import type { ClusterConfig } from '../config/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import type { HttpNode } from './contract.ts'
import type { PeerMetadata } from './peer-metadata.ts'

const unknown = 'unknown'

interface WorkloadLabels {
  readonly workload: string
  readonly namespace: string
  readonly app: string
  readonly version: string
  readonly service: string
  readonly revision: string
  readonly cluster: string
}

/** What the labels of an edge are made from. */
export interface EdgeFacts {
  readonly node: HttpNode
  readonly info: DownstreamInfo
  /** Who sent the request, as it said itself (inbound). */
  readonly peer: PeerMetadata | undefined
  /** The service that the route leads to. */
  readonly destination: ClusterConfig['destination']
  readonly endpoint: EndpointRuntime | undefined
  /** SPIFFE id that the upstream proved; empty when none. */
  readonly upstreamSpiffeId: string
  /** SPIFFE id that this proxy proved to the upstream; empty when none. */
  readonly ownSpiffeId: string
}

/** Labels of the edge that a request took, with Istio's meaning: reporter `destination` on inbound listeners, `source` elsewhere. */
export function edgeLabels(facts: EdgeFacts): EdgeLabels {
  const { node, info, peer, endpoint, destination: service } = facts
  const inbound = info.direction === 'inbound'
  const own = nodeLabels(node)
  const source = inbound ? peerLabels(peer) : own
  const destination = inbound ? own : endpointLabels(endpoint)
  const mutual = inbound ? info.tls && info.peerSpiffeId !== '' : facts.upstreamSpiffeId !== ''
  return {
    reporter: inbound ? 'destination' : 'source',
    sourceWorkload: source.workload,
    sourceNamespace: source.namespace,
    sourcePrincipal: (inbound ? info.peerSpiffeId : facts.ownSpiffeId) || unknown,
    sourceApp: source.app,
    sourceVersion: source.version,
    sourceCanonicalService: source.service,
    sourceCanonicalRevision: source.revision,
    sourceCluster: source.cluster,
    destinationWorkload: destination.workload,
    destinationNamespace: destination.namespace,
    destinationPrincipal: (inbound ? info.localSpiffeId : facts.upstreamSpiffeId) || unknown,
    destinationApp: destination.app,
    destinationVersion: destination.version,
    destinationService: service?.host ?? unknown,
    destinationServiceName: service?.name ?? unknown,
    destinationServiceNamespace: service?.namespace ?? unknown,
    destinationCanonicalService: destination.service,
    destinationCanonicalRevision: destination.revision,
    destinationCluster: destination.cluster,
    requestProtocol: 'http',
    connectionSecurityPolicy: inbound ? (mutual ? 'mutual_tls' : 'none') : 'unknown',
  }
}

/**
 * The service that a cluster's name speaks of, as Istio builds such names (`outbound|port|subset|host`): for a cluster without
 * metadata, or one that is not there.
 */
export function destinationOf(cluster: string): ClusterConfig['destination'] {
  const [direction, , , host = ''] = cluster.split('|')
  if (direction !== 'outbound' || host === '') return undefined
  const [name = host, namespace = unknown, suffix] = host.split('.')
  return suffix === 'svc' ? { host, name, namespace } : { host, name: host, namespace: unknown }
}

const unknownLabels: WorkloadLabels = {
  workload: unknown,
  namespace: unknown,
  app: unknown,
  version: unknown,
  service: unknown,
  revision: 'latest',
  cluster: unknown,
}

function nodeLabels(node: HttpNode): WorkloadLabels {
  return labelledWorkload(node.workload, node.namespace, node.clusterId, node.labels)
}

function peerLabels(peer: PeerMetadata | undefined): WorkloadLabels {
  return peer === undefined
    ? { ...unknownLabels, revision: unknown }
    : labelledWorkload(peer.workload, peer.namespace, peer.clusterId, peer.labels)
}

function labelledWorkload(
  workload: string,
  namespace: string,
  cluster: string,
  labels: Readonly<Record<string, string>>,
): WorkloadLabels {
  const app = labels['app'] ?? labels['app.kubernetes.io/name'] ?? ''
  const version = labels['version'] ?? labels['app.kubernetes.io/version'] ?? ''
  return {
    workload: workload || unknown,
    namespace: namespace || unknown,
    app: app || unknown,
    version: version || unknown,
    service: labels['service.istio.io/canonical-name'] ?? (app || workload || unknown),
    revision: labels['service.istio.io/canonical-revision'] ?? (version || 'latest'),
    cluster: cluster || unknown,
  }
}

function endpointLabels(endpoint: EndpointRuntime | undefined): WorkloadLabels {
  const workload = endpoint?.config.workload
  if (workload === undefined) return { ...unknownLabels, revision: unknown }
  return {
    workload: workload.name || unknown,
    namespace: workload.namespace || unknown,
    app: workload.canonicalService || unknown,
    version: workload.canonicalRevision || unknown,
    service: workload.canonicalService || unknown,
    revision: workload.canonicalRevision || 'latest',
    cluster: workload.cluster || unknown,
  }
}
