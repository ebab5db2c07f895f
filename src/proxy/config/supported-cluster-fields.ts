import { balancingFields } from './supported-balancing-fields.ts'
import type { FieldRule } from './supported-fields.ts'
import { healthCheckFields } from './supported-health-check-fields.ts'

/** Clusters and their endpoints. */
export const clusterFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.cluster.v3.Cluster',
    {
      name: 'honoured',
      alt_stat_name: { harmless: 'renames Envoy statistics only' },
      type: 'honoured',
      eds_cluster_config: 'honoured',
      connect_timeout: 'honoured',
      lb_policy: {
        only: [
          'ROUND_ROBIN',
          'LEAST_REQUEST',
          'RANDOM',
          'RING_HASH',
          'MAGLEV',
          'CLUSTER_PROVIDED',
          'LOAD_BALANCING_POLICY_CONFIG',
        ],
      },
      load_balancing_policy: 'honoured',
      lb_subset_config: 'honoured',
      load_assignment: 'honoured',
      max_requests_per_connection: 'honoured',
      circuit_breakers: 'honoured',
      outlier_detection: 'honoured',
      health_checks: 'honoured',
      ignore_health_on_host_removal: 'honoured',
      close_connections_on_host_health_failure: 'honoured',
      typed_extension_protocol_options: 'honoured',
      dns_refresh_rate: 'honoured',
      dns_lookup_family: { only: ['ALL'] },
      least_request_lb_config: 'honoured',
      round_robin_lb_config: 'honoured',
      ring_hash_lb_config: 'honoured',
      maglev_lb_config: 'honoured',
      original_dst_lb_config: 'honoured',
      common_lb_config: 'honoured',
      transport_socket: 'honoured',
      transport_socket_matches: 'honoured',
      metadata: 'honoured',
      upstream_connection_options: 'honoured',
    },
  ],
  ['envoy.config.cluster.v3.Cluster.EdsClusterConfig', { eds_config: 'honoured', service_name: 'honoured' }],
  ...balancingFields,
  [
    'envoy.config.cluster.v3.Cluster.TransportSocketMatch',
    {
      name: 'honoured',
      match: 'honoured',
      transport_socket: 'honoured',
    },
  ],
  [
    'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
    { config: 'honoured', transport_socket: 'honoured' },
  ],
  ['envoy.config.core.v3.ProxyProtocolConfig', { version: { only: ['V1', 'V2'] } }],
  [
    'envoy.config.cluster.v3.OutlierDetection',
    {
      consecutive_5xx: 'honoured',
      interval: 'honoured',
      base_ejection_time: 'honoured',
      max_ejection_percent: 'honoured',
      enforcing_consecutive_5xx: 'honoured',
      enforcing_success_rate: 'honoured',
      success_rate_minimum_hosts: 'honoured',
      success_rate_request_volume: 'honoured',
      success_rate_stdev_factor: 'honoured',
      consecutive_gateway_failure: 'honoured',
      enforcing_consecutive_gateway_failure: 'honoured',
      split_external_local_origin_errors: 'honoured',
      consecutive_local_origin_failure: 'honoured',
      enforcing_consecutive_local_origin_failure: 'honoured',
      enforcing_local_origin_success_rate: 'honoured',
      failure_percentage_threshold: 'honoured',
      enforcing_failure_percentage: 'honoured',
      enforcing_failure_percentage_local_origin: 'honoured',
      failure_percentage_minimum_hosts: 'honoured',
      failure_percentage_request_volume: 'honoured',
      max_ejection_time: 'honoured',
      max_ejection_time_jitter: 'honoured',
      successful_active_health_check_uneject_host: 'honoured',
      always_eject_one_host: 'honoured',
    },
  ],
  ['envoy.config.cluster.v3.UpstreamConnectionOptions', { tcp_keepalive: 'honoured' }],
  [
    'envoy.config.core.v3.TcpKeepalive',
    { keepalive_time: 'honoured', keepalive_interval: 'honoured', keepalive_probes: 'honoured' },
  ],
  [
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    {
      common_http_protocol_options: 'honoured',
      explicit_http_config: 'honoured',
      use_downstream_protocol_config: 'honoured',
      auto_config: 'honoured',
    },
  ],
  [
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig',
    { http_protocol_options: 'honoured', http2_protocol_options: 'honoured' },
  ],
  [
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig',
    { http_protocol_options: 'honoured', http2_protocol_options: 'honoured' },
  ],
  [
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig',
    {
      http_protocol_options: 'honoured',
      http2_protocol_options: 'honoured',
    },
  ],
  [
    'envoy.config.endpoint.v3.LbEndpoint',
    {
      endpoint: 'honoured',
      health_status: 'honoured',
      metadata: 'honoured',
      load_balancing_weight: 'honoured',
    },
  ],
  [
    'envoy.config.endpoint.v3.Endpoint',
    {
      address: 'honoured',
      hostname: { harmless: 'used by auto_host_rewrite only, and that is refused' },
      health_check_config: 'honoured',
    },
  ],
  [
    'envoy.config.endpoint.v3.Endpoint.HealthCheckConfig',
    { port_value: 'honoured', hostname: 'honoured', address: 'honoured', disable_active_health_check: 'honoured' },
  ],
  ...healthCheckFields,
]

/** Messages that only the proxy's own gRPC channels may use; grpc-js negotiates these by itself. */
export const controlChannelFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.core.v3.Http2ProtocolOptions',
    {
      connection_keepalive: { harmless: 'the gRPC library keeps its channel alive by itself', whole: true },
    },
  ],
]
