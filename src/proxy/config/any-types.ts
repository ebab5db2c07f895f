import { createRegistry, fromBinary, type DescMessage, type MessageShape, type Registry } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'

import { FileAccessLogSchema } from '../../xds/generated/envoy/extensions/access_loggers/file/v3/file_pb.ts'
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '../../xds/generated/envoy/extensions/access_loggers/stream/v3/stream_pb.ts'
import { HTTPFaultSchema } from '../../xds/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { FilterConfigSchema as GrpcStatsSchema } from '../../xds/generated/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import { GrpcWebSchema } from '../../xds/generated/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts'
import { HealthCheckSchema } from '../../xds/generated/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import { OnDemandSchema } from '../../xds/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts'
import { RBACPerRouteSchema, RBACSchema } from '../../xds/generated/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import { RouterSchema } from '../../xds/generated/envoy/extensions/filters/http/router/v3/router_pb.ts'
import {
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from '../../xds/generated/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts'
import { OriginalDstSchema } from '../../xds/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts'
import { HttpInspectorSchema } from '../../xds/generated/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts'
import { ProxyProtocolSchema } from '../../xds/generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts'
import { TlsInspectorSchema } from '../../xds/generated/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { HttpConnectionManagerSchema } from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { ConnectionLimitSchema } from '../../xds/generated/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.ts'
import { RBACSchema as NetworkRbacSchema } from '../../xds/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import { TcpProxySchema } from '../../xds/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { DnsFilterConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.ts'
import { DownstreamConnectionsConfigSchema } from '../../xds/generated/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts'
import { FixedHeapConfigSchema } from '../../xds/generated/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.ts'
import { InjectedResourceConfigSchema } from '../../xds/generated/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource_pb.ts'
import { RouteSchema as UdpRouteSchema } from '../../xds/generated/envoy/extensions/filters/udp/udp_proxy/v3/route_pb.ts'
import { UdpProxyConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts'
import { CookieBasedSessionStateSchema } from '../../xds/generated/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.ts'
import { HeaderBasedSessionStateSchema } from '../../xds/generated/envoy/extensions/http/stateful_session/header/v3/header_pb.ts'
import { ClusterProvidedSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.ts'
import { LeastRequestSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import { MaglevSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { RandomSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import { RingHashSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { RoundRobinSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import { SubsetSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts'
import { WrrLocalitySchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts'
import { PreviousHostsPredicateSchema } from '../../xds/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { ProxyProtocolUpstreamTransportSchema } from '../../xds/generated/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { RawBufferSchema } from '../../xds/generated/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { ScaleTimersOverloadActionConfigSchema } from '../../xds/generated/envoy/config/overload/v3/overload_pb.ts'
import { EventLoopDelayConfigSchema } from '../../xds/generated/weft/resource_monitors/event_loop_delay/v3/event_loop_delay_pb.ts'
import { HttpProtocolOptionsSchema } from '../../xds/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { TypedStructSchema } from '../../xds/generated/xds/type/v3/typed_struct_pb.ts'

/** Messages that may stand in a `google.protobuf.Any` of a resource: the extensions that this proxy implements. */
export const anyTypes: Registry = createRegistry(
  ClusterProvidedSchema,
  ConnectionLimitSchema,
  CookieBasedSessionStateSchema,
  DnsFilterConfigSchema,
  DownstreamConnectionsConfigSchema,
  DownstreamTlsContextSchema,
  EventLoopDelayConfigSchema,
  FileAccessLogSchema,
  FixedHeapConfigSchema,
  GrpcStatsSchema,
  GrpcWebSchema,
  HTTPFaultSchema,
  HeaderBasedSessionStateSchema,
  HealthCheckSchema,
  HttpConnectionManagerSchema,
  HttpInspectorSchema,
  HttpProtocolOptionsSchema,
  InjectedResourceConfigSchema,
  LeastRequestSchema,
  MaglevSchema,
  NetworkRbacSchema,
  OnDemandSchema,
  OriginalDstSchema,
  PreviousHostsPredicateSchema,
  ProxyProtocolSchema,
  ProxyProtocolUpstreamTransportSchema,
  RandomSchema,
  RBACPerRouteSchema,
  RBACSchema,
  RawBufferSchema,
  RingHashSchema,
  RoundRobinSchema,
  RouterSchema,
  ScaleTimersOverloadActionConfigSchema,
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
  SubsetSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  TypedStructSchema,
  UdpProxyConfigSchema,
  UdpRouteSchema,
  UpstreamTlsContextSchema,
  WrrLocalitySchema,
)

/** `envoy...HttpConnectionManager` of `type.googleapis.com/envoy...HttpConnectionManager`. */
function anyTypeName(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1)
}

/** The message in an `Any`; undefined when it is of another type or cannot be decoded (the support check reports that). */
export function unpackAny<Desc extends DescMessage>(
  any: Any | undefined,
  schema: Desc,
): MessageShape<Desc> | undefined {
  if (any === undefined || anyTypeName(any) !== schema.typeName) return undefined
  try {
    return fromBinary(schema, any.value)
  } catch {
    // Reported with its path by the support check, which decodes the same bytes.
    return undefined
  }
}
