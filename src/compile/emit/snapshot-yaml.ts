import { createRegistry, type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { stringify } from 'yaml'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import { VirtualHostSchema } from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { StdoutAccessLogSchema } from '../../xds/generated/envoy/extensions/access_loggers/stream/v3/stream_pb.ts'
import { HTTPFaultSchema } from '../../xds/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { OnDemandSchema } from '../../xds/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts'
import { RouterSchema } from '../../xds/generated/envoy/extensions/filters/http/router/v3/router_pb.ts'
import { OriginalDstSchema } from '../../xds/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts'
import { HttpConnectionManagerSchema } from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../../xds/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { DnsFilterConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.ts'
import { PreviousHostsPredicateSchema } from '../../xds/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { RawBufferSchema } from '../../xds/generated/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import { SecretSchema } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { HttpProtocolOptionsSchema } from '../../xds/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { pushOrder, TypeUrl, type XdsResource, type XdsSnapshot, type XdsType } from '../../xds/index.ts'

/** Every message that the compiler packs into an Any. */
const registry = createRegistry(
  DnsFilterConfigSchema,
  DownstreamTlsContextSchema,
  HTTPFaultSchema,
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  OnDemandSchema,
  OriginalDstSchema,
  PreviousHostsPredicateSchema,
  RawBufferSchema,
  RouterSchema,
  StdoutAccessLogSchema,
  TcpProxySchema,
  UpstreamTlsContextSchema,
)

const sections: Readonly<Record<XdsType, { readonly title: string; readonly schema: DescMessage }>> = {
  [TypeUrl.cluster]: { title: 'clusters', schema: ClusterSchema },
  [TypeUrl.endpoints]: { title: 'endpoints', schema: ClusterLoadAssignmentSchema },
  [TypeUrl.secret]: { title: 'secrets', schema: SecretSchema },
  [TypeUrl.listener]: { title: 'listeners', schema: ListenerSchema },
  [TypeUrl.route]: { title: 'routes', schema: RouteConfigurationSchema },
  [TypeUrl.virtualHost]: { title: 'virtual_hosts', schema: VirtualHostSchema },
}

/** A resource as Envoy's JSON, with proto field names. */
export function resourceToJson(resource: XdsResource): JsonValue {
  const { schema } = sections[resource.typeUrl]
  return toJson(schema, fromBinary(schema, resource.bytes), { registry, useProtoFieldName: true })
}

/** A snapshot as YAML for people and golden files: by type in push order, then by name. */
export function emitToYaml(snapshot: XdsSnapshot): string {
  const body: Record<string, JsonValue[]> = {}
  for (const type of pushOrder) {
    const resources = [...(snapshot.get(type)?.values() ?? [])]
    if (resources.length === 0) continue
    const sorted = resources.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    body[sections[type].title] = sorted.map(resourceToJson)
  }
  return stringify(body, { lineWidth: 0 })
}
