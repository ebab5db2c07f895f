import type { EdgeLabels } from '../../telemetry/index.ts'
import type { EndpointRuntime } from '../cluster/index.ts'
import type { ClusterConfig } from '../config/index.ts'
import { type DownstreamInfo, endpointEnd, joinEdge, unknownEnd, unknownLabel, workloadEnd } from '../network/index.ts'
import type { HttpNode } from './contract.ts'
import type { PeerMetadata } from './peer-metadata.ts'

/** What the labels of an edge are made from. */
export interface EdgeFacts {
  readonly node: HttpNode
  readonly info: DownstreamInfo
  /** The request is a call of gRPC. */
  readonly grpc: boolean
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

/** Labels of the edge that a request took. */
export function edgeLabels({ node, info, peer, destination, endpoint, grpc, ...proved }: EdgeFacts): EdgeLabels {
  const inbound = info.direction === 'inbound'
  const own = workloadEnd(node)
  const caller = peer === undefined ? unknownEnd() : workloadEnd(peer)
  return joinEdge({
    info,
    source: inbound ? caller : own,
    destination: inbound ? own : endpointEnd(endpoint?.config),
    service: destination,
    serviceNamespace: unknownLabel,
    protocol: grpc ? 'grpc' : 'http',
    ...proved,
  })
}

/**
 * The service that a cluster's name speaks of, as Istio builds such names (`outbound|port|subset|host`): for a cluster without
 * metadata, or one that is not there.
 */
export function destinationOf(cluster: string): ClusterConfig['destination'] {
  const [direction, , , host = ''] = cluster.split('|')
  if (direction !== 'outbound' || host === '') return undefined
  const [name = host, namespace = unknownLabel, suffix] = host.split('.')
  return suffix === 'svc' ? { host, name, namespace } : { host, name: host, namespace: unknownLabel }
}
