import type { FieldRule } from './supported-fields.ts'

const extensionName: FieldRule = { harmless: 'the type of typed_config decides, the name is for people' }

/** Listeners, filter chains and the filters in them. */
export const listenerFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.listener.v3.Listener',
    {
      name: 'honoured',
      address: 'honoured',
      stat_prefix: { harmless: 'names Envoy statistics that this proxy does not have' },
      filter_chains: 'honoured',
      default_filter_chain: 'honoured',
      listener_filters: 'honoured',
      listener_filters_timeout: 'honoured',
      continue_on_listener_filters_timeout: 'honoured',
      traffic_direction: 'honoured',
      metadata: 'honoured',
      access_log: 'honoured',
      bind_to_port: { only: ['true'] },
      enable_reuse_port: { harmless: 'one process accepts: there are no other sockets to balance between' },
      udp_listener_config: 'honoured',
    },
  ],
  ['envoy.config.listener.v3.ListenerFilter', { name: extensionName, typed_config: 'honoured' }],
  ['envoy.extensions.filters.listener.original_dst.v3.OriginalDst', {}],
  [
    'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
    {
      enable_ja3_fingerprinting: { only: ['false'] },
      initial_read_buffer_size: { harmless: 'bytes are inspected where they were read' },
    },
  ],
  ['envoy.extensions.filters.listener.http_inspector.v3.HttpInspector', {}],
  [
    'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol',
    {
      allow_requests_without_proxy_protocol: 'honoured',
      disallowed_versions: 'honoured',
      stat_prefix: { harmless: 'names Envoy statistics that this proxy does not have' },
    },
  ],
  [
    'envoy.config.listener.v3.FilterChain',
    {
      name: 'honoured',
      filter_chain_match: 'honoured',
      filters: 'honoured',
      transport_socket: 'honoured',
      metadata: { harmless: 'free-form' },
    },
  ],
  [
    'envoy.config.listener.v3.FilterChainMatch',
    {
      destination_port: 'honoured',
      prefix_ranges: 'honoured',
      server_names: 'honoured',
      transport_protocol: 'honoured',
      application_protocols: 'honoured',
      direct_source_prefix_ranges: 'honoured',
      source_type: 'honoured',
      source_prefix_ranges: 'honoured',
      source_ports: 'honoured',
    },
  ],
  ['envoy.config.listener.v3.Filter', { name: extensionName, typed_config: 'honoured' }],
  [
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    {
      stat_prefix: 'honoured',
      cluster: 'honoured',
      weighted_clusters: 'honoured',
      metadata_match: 'honoured',
      idle_timeout: 'honoured',
      max_downstream_connection_duration: 'honoured',
      max_connect_attempts: 'honoured',
      hash_policy: 'honoured',
      access_log: 'honoured',
    },
  ],
  [
    'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
    { stat_prefix: 'honoured', max_connections: 'honoured', delay: 'honoured' },
  ],
  ['envoy.type.v3.HashPolicy', { source_ip: 'honoured' }],
  ['envoy.type.v3.HashPolicy.SourceIp', {}],
  ['envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster', { clusters: 'honoured' }],
  [
    'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight',
    {
      name: 'honoured',
      weight: 'honoured',
      metadata_match: 'honoured',
    },
  ],
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      codec_type: { only: ['AUTO', 'HTTP1', 'HTTP2'] },
      stat_prefix: 'honoured',
      rds: 'honoured',
      route_config: 'honoured',
      http_filters: 'honoured',
      common_http_protocol_options: 'honoured',
      http_protocol_options: 'honoured',
      http2_protocol_options: 'honoured',
      server_name: 'honoured',
      max_request_headers_kb: 'honoured',
      stream_idle_timeout: 'honoured',
      request_timeout: 'honoured',
      request_headers_timeout: 'honoured',
      access_log: 'honoured',
      use_remote_address: 'honoured',
      xff_num_trusted_hops: 'honoured',
      generate_request_id: 'honoured',
      forward_client_cert_details: 'honoured',
      set_current_client_cert_details: 'honoured',
      upgrade_configs: 'honoured',
      normalize_path: 'honoured',
      merge_slashes: 'honoured',
      path_with_escaped_slashes_action: 'honoured',
    },
  ],
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.Rds',
    {
      config_source: 'honoured',
      route_config_name: 'honoured',
    },
  ],
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
    {
      name: 'honoured',
      typed_config: 'honoured',
      is_optional: { harmless: 'only says what to do with unknown filters, and those are refused' },
    },
  ],
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails',
    {
      uri: 'honoured',
    },
  ],
  [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig',
    {
      upgrade_type: 'honoured',
      enabled: 'honoured',
    },
  ],
  [
    'envoy.config.core.v3.HttpProtocolOptions',
    {
      idle_timeout: 'honoured',
      max_headers_count: 'honoured',
      headers_with_underscores_action: 'honoured',
      max_requests_per_connection: 'honoured',
      max_connection_duration: 'honoured',
      max_stream_duration: 'honoured',
    },
  ],
  [
    'envoy.config.core.v3.Http2ProtocolOptions',
    {
      max_concurrent_streams: 'honoured',
      initial_stream_window_size: 'honoured',
      initial_connection_window_size: 'honoured',
      allow_connect: 'honoured',
      connection_keepalive: 'honoured',
      max_outbound_frames: 'honoured',
      max_outbound_control_frames: 'honoured',
      max_consecutive_inbound_frames_with_empty_payload: 'honoured',
      max_inbound_priority_frames_per_stream: 'honoured',
      max_inbound_window_update_frames_per_data_frame_sent: 'honoured',
      // A request that breaks the rules costs its stream only, in any case.
      override_stream_error_on_invalid_http_message: { only: ['true'] },
      stream_error_on_invalid_http_messaging: { only: ['true'] },
    },
  ],
  // The jitter is 15 %, as it is in Envoy unless it is set.
  ['envoy.config.core.v3.KeepaliveSettings', { interval: 'honoured', timeout: 'honoured' }],
  [
    'envoy.config.core.v3.Http1ProtocolOptions',
    {
      allow_absolute_url: { only: ['true'] },
      accept_http_10: { harmless: 'HTTP/1.0 is served in any case' },
      use_balsa_parser: { harmless: 'chooses between two parsers of Envoy' },
    },
  ],
  ['envoy.extensions.filters.http.health_check.v3.HealthCheck', { pass_through_mode: 'honoured', headers: 'honoured' }],
  [
    'envoy.extensions.filters.http.router.v3.Router',
    {
      dynamic_stats: { harmless: 'switches Envoy statistics that this proxy does not have' },
    },
  ],
  ['envoy.extensions.filters.http.on_demand.v3.OnDemand', {}],
  [
    'envoy.extensions.filters.http.fault.v3.HTTPFault',
    {
      delay: 'honoured',
      abort: 'honoured',
      disable_downstream_cluster_stats: { harmless: 'switches Envoy statistics that this proxy does not have' },
    },
  ],
  [
    'envoy.extensions.filters.http.fault.v3.FaultAbort',
    {
      http_status: 'honoured',
      grpc_status: 'honoured',
      percentage: 'honoured',
    },
  ],
  ['envoy.extensions.filters.common.fault.v3.FaultDelay', { fixed_delay: 'honoured', percentage: 'honoured' }],
  [
    'envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig',
    {
      stat_prefix: { harmless: 'names Envoy statistics that this proxy does not have' },
      server_config: 'honoured',
      client_config: 'honoured',
    },
  ],
  ['envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig.ServerContextConfig', { inline_dns_table: 'honoured' }],
  [
    'envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig.ClientContextConfig',
    {
      upstream_resolvers: 'honoured',
      dns_resolution_config: 'honoured',
      max_pending_lookups: {
        harmless: 'an upper bound; the resolver has a bound of its own, and Envoy demands a value',
      },
    },
  ],
  ['envoy.config.core.v3.DnsResolutionConfig', { resolvers: 'honoured' }],
  [
    'envoy.data.dns.v3.DnsTable',
    {
      virtual_domains: 'honoured',
      external_retry_count: { harmless: 'the system resolver does its own retries' },
    },
  ],
  ['envoy.data.dns.v3.DnsTable.DnsVirtualDomain', { name: 'honoured', endpoint: 'honoured', answer_ttl: 'honoured' }],
  ['envoy.data.dns.v3.DnsTable.DnsEndpoint', { address_list: 'honoured' }],
  ['envoy.data.dns.v3.DnsTable.AddressList', { address: 'honoured' }],
]
