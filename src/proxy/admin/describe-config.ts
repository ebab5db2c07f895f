import { type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import { TypeUrl } from '../../xds/index.ts'
import type { ReceivedResource } from '../../xds/client/index.ts'
import { anyTypes } from '../config/index.ts'

const schemas: ReadonlyMap<string, DescMessage> = new Map<string, DescMessage>([
  [TypeUrl.cluster, ClusterSchema],
  [TypeUrl.endpoints, ClusterLoadAssignmentSchema],
  [TypeUrl.listener, ListenerSchema],
  [TypeUrl.route, RouteConfigurationSchema],
  [TypeUrl.virtualHost, VirtualHostSchema],
])

/** Keys whose values are secret wherever they stand (inline certificates and passwords). */
const secretKeys = new Set(['privateKey', 'private_key', 'password', 'inline_bytes_secret'])

/** One resource for `/config_dump`: its JSON with proto field names, secrets left out. */
export function describeResource(resource: ReceivedResource): JsonValue {
  const common = { type_url: resource.typeUrl, name: resource.name, version: resource.version }
  const schema = schemas.get(resource.typeUrl)
  // Secrets are named, never shown.
  if (schema === undefined) return { ...common, resource: '[redacted]' }
  try {
    const json = toJson(schema, fromBinary(schema, resource.bytes), { registry: anyTypes, useProtoFieldName: true })
    return { ...common, resource: redact(json) }
  } catch (cause) {
    return { ...common, error: cause instanceof Error ? cause.message : String(cause) }
  }
}

function redact(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(redact)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]): [string, JsonValue] => {
    return [key, secretKeys.has(key) ? '[redacted]' : redact(inner)]
  })
  return Object.fromEntries(entries)
}
