import manifest from '../../package.json' with { type: 'json' }
import { randomUUID } from 'node:crypto'
import { create, type JsonObject, type JsonValue } from '@bufbuild/protobuf'
import { type Node, NodeSchema } from '../xds/generated/envoy/config/core/v3/base_pb.ts'
import { processMetadata } from '../xds/index.ts'
import type { BootstrapConfig } from './config/index.ts'
import type { HttpNode } from './http/index.ts'

/** What the control plane is told of this proxy. */
export function toXdsNode(node: BootstrapConfig['node']): Node {
  return create(NodeSchema, {
    id: node.id,
    cluster: node.cluster,
    // Tells this process's stream from those of its workers' siblings and of the process that it succeeds.
    metadata: { ...node.metadata, [processMetadata]: randomUUID() },
    locality: node.locality,
    userAgentName: 'weft',
    userAgentVersionType: { case: 'userAgentVersion', value: manifest.version },
  })
}

/** Who is served, for metrics and peers: the metadata that Istio's proxies send as well. */
export function toHttpNode(node: BootstrapConfig['node']): HttpNode {
  const { metadata } = node
  return {
    id: node.id,
    name: textOf(metadata, 'NAME'),
    namespace: textOf(metadata, 'NAMESPACE'),
    workload: textOf(metadata, 'WORKLOAD_NAME'),
    clusterId: textOf(metadata, 'CLUSTER_ID'),
    serviceCluster: node.cluster,
    labels: labelsOf(metadata['LABELS']),
  }
}

function textOf(metadata: JsonObject, key: string): string {
  const value = metadata[key]
  return typeof value === 'string' ? value : ''
}

function labelsOf(value: JsonValue | undefined): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  const labels: Record<string, string> = {}
  for (const [name, text] of Object.entries(value)) if (typeof text === 'string') labels[name] = text
  return labels
}

/** The node as `/server_info` shows it: proto field names, without what is empty. */
export function describeNode({ id, cluster, metadata, locality }: BootstrapConfig['node']): JsonObject {
  const place = { region: locality.region, zone: locality.zone, sub_zone: locality.subZone }
  const known = Object.entries(place).filter(([, value]) => value !== '')
  return { id, cluster, metadata, ...(known.length === 0 ? {} : { locality: Object.fromEntries(known) }) }
}
