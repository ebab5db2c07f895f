import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from '@bufbuild/protobuf'
import { StructSchema } from '@bufbuild/protobuf/wkt'

import type { HttpNode } from './contract.ts'

/** What the peer of a connection said about itself in `x-envoy-peer-metadata`. */
export interface PeerMetadata {
  readonly id: string
  readonly namespace: string
  readonly workload: string
  readonly clusterId: string
  readonly labels: Readonly<Record<string, string>>
}

/** The two lines that tell a peer who sends: `google.protobuf.Struct` with Istio's keys, base64. */
export function peerMetadataLines(node: HttpNode): string {
  const struct = fromJson(StructSchema, {
    NAME: node.name,
    NAMESPACE: node.namespace,
    WORKLOAD_NAME: node.workload,
    CLUSTER_ID: node.clusterId,
    LABELS: { ...node.labels },
  })
  const value = Buffer.from(toBinary(StructSchema, struct)).toString('base64')
  return `x-envoy-peer-metadata-id: ${node.id}\r\nx-envoy-peer-metadata: ${value}\r\n`
}

/** Reads what a peer sent; undefined when it is not such a struct. Texts are cut to 256 characters, labels to 32. */
export function parsePeerMetadata(id: string, value: string): PeerMetadata | undefined {
  let struct: JsonObject
  try {
    struct = toJson(StructSchema, fromBinary(StructSchema, Buffer.from(value, 'base64')))
  } catch {
    // A peer's bytes may be anything; without metadata it is labelled unknown.
    return undefined
  }
  const text = (key: string): string => toText(struct[key])
  const labels: Record<string, string> = Object.create(null)
  const given = struct['LABELS']
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    for (const [name, label] of Object.entries(given).slice(0, 32)) labels[name] = toText(label)
  }
  return {
    id: id.slice(0, 256),
    namespace: text('NAMESPACE'),
    workload: text('WORKLOAD_NAME'),
    clusterId: text('CLUSTER_ID'),
    labels,
  }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 256) : ''
}
