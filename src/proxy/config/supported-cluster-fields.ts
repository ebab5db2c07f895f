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
      lb_policy: { only: ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'RING_HASH', 'MAGLEV', 'CLUSTER_PROVIDED'] },
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
  ['envoy.config.cluster.v3.Cluster.LeastRequestLbConfig', { choice_count: 'honoured' }],
  ['envoy.config.cluster.v3.Cluster.RoundRobinLbConfig', {}],
  [
    'envoy.config.cluster.v3.Cluster.RingHashLbConfig',
    { minimum_ring_size: 'honoured', maximum_ring_size: 'honoured', hash_function: { only: ['XX_HASH'] } },
  ],
  ['envoy.config.cluster.v3.Cluster.MaglevLbConfig', { table_size: 'honoured' }],
  ['envoy.config.cluster.v3.Cluster.OriginalDstLbConfig', {}],
  [
    'envoy.config.cluster.v3.Cluster.CommonLbConfig',
    {
      healthy_panic_threshold: 'honoured',
      ignore_new_hosts_until_first_hc: 'honoured',
      update_merge_window: { harmless: 'how long Envoy may put off what is in force here at once' },
    },
  ],
  // This proxy has no panic mode: it never sends to an endpoint that is known to be bad.
  ['envoy.type.v3.Percent', { value: { only: ['0'] } }],
  [
    'envoy.config.cluster.v3.Cluster.TransportSocketMatch',
    {
      name: 'honoured',
      match: 'honoured',
      transport_socket: 'honoured',
    },
  ],
  ['envoy.config.cluster.v3.CircuitBreakers', { thresholds: 'honoured' }],
  [
    'envoy.config.cluster.v3.CircuitBreakers.Thresholds',
    {
      priority: { only: ['DEFAULT'] },
      max_connections: 'honoured',
      max_pending_requests: 'honoured',
      max_requests: 'honoured',
      max_retries: 'honoured',
      track_remaining: { harmless: 'adds Envoy statistics only' },
    },
  ],
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
  ['envoy.config.endpoint.v3.ClusterLoadAssignment', { cluster_name: 'honoured', endpoints: 'honoured' }],
  [
    'envoy.config.endpoint.v3.LocalityLbEndpoints',
    {
      locality: { harmless: 'without a local cluster and locality weights, Envoy does not look at it either' },
      lb_endpoints: 'honoured',
      load_balancing_weight: { harmless: 'counts with locality-weighted balancing only, and that is refused' },
      metadata: { harmless: 'free-form' },
    },
  ],
  [
    'envoy.config.core.v3.Locality',
    {
      region: { harmless: 'see locality' },
      zone: { harmless: 'see locality' },
      sub_zone: { harmless: 'see locality' },
    },
  ],
  [
    'envoy.config.endpoint.v3.LbEndpoint',
    {
      endpoint: 'honoured',
      health_status: { only: ['UNKNOWN', 'HEALTHY', 'UNHEALTHY', 'DRAINING', 'TIMEOUT'] },
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
