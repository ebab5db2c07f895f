import type { EdgeLabels } from '../../telemetry/index.ts'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import type { DownstreamInfo } from './downstream.ts'
import { endpointEnd, joinEdge, unknownEnd, workloadEnd, type WorkloadNode } from './edge-ends.ts'

/** The facts of a proxied TCP connection that its metric labels are made of. */
export interface TcpEdge {
  /** The workload that this proxy serves. */
  readonly node: WorkloadNode
  readonly info: DownstreamInfo
  readonly cluster: ClusterConfig
  readonly endpoint: EndpointConfig
  /** Who answered, and who we were to it; empty when plain. */
  readonly upstreamSpiffeId: string
  readonly localSpiffeId: string
}

/**
 * Labels of a TCP edge, as Istio's proxies put them on `istio_tcp_*`. On the client's side the destination is what EDS says of
 * the endpoint; on the server's side the source is known by its SPIFFE id only.
 */
export function tcpEdgeLabels({ node, info, cluster, endpoint, upstreamSpiffeId, localSpiffeId }: TcpEdge): EdgeLabels {
  const inbound = info.direction === 'inbound'
  const own = workloadEnd(node)
  const destination = inbound ? own : endpointEnd(endpoint)
  return joinEdge({
    info,
    source: inbound ? unknownEnd(namespaceOf(info.peerSpiffeId)) : own,
    destination,
    service: cluster.destination,
    serviceNamespace: destination.namespace,
    upstreamSpiffeId,
    ownSpiffeId: localSpiffeId,
    protocol: 'tcp',
  })
}

/** Namespace in a SPIFFE id of Istio's form. */
function namespaceOf(spiffeId: string): string | undefined {
  return /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\//.exec(spiffeId)?.[1]
}
