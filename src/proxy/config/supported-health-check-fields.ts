import type { FieldRule } from './supported-fields.ts'

const logsOnly: FieldRule = { harmless: 'steers event logs only, and those are refused' }

/** Active health checks of clusters. What is missing here is refused: event logs, custom checkers, `alt_port`, match criteria. */
export const healthCheckFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.core.v3.HealthCheck',
    {
      timeout: 'honoured',
      interval: 'honoured',
      initial_jitter: 'honoured',
      interval_jitter: 'honoured',
      interval_jitter_percent: 'honoured',
      unhealthy_threshold: 'honoured',
      healthy_threshold: 'honoured',
      reuse_connection: 'honoured',
      http_health_check: 'honoured',
      tcp_health_check: 'honoured',
      grpc_health_check: 'honoured',
      no_traffic_interval: 'honoured',
      no_traffic_healthy_interval: 'honoured',
      unhealthy_interval: 'honoured',
      unhealthy_edge_interval: 'honoured',
      healthy_edge_interval: 'honoured',
      always_log_health_check_failures: logsOnly,
      always_log_health_check_success: logsOnly,
      tls_options: 'honoured',
    },
  ],
  [
    'envoy.config.core.v3.HealthCheck.HttpHealthCheck',
    {
      host: 'honoured',
      path: 'honoured',
      send: 'honoured',
      receive: 'honoured',
      response_buffer_size: 'honoured',
      request_headers_to_add: 'honoured',
      request_headers_to_remove: 'honoured',
      expected_statuses: 'honoured',
      retriable_statuses: 'honoured',
      codec_client_type: { only: ['HTTP1', 'HTTP2'] },
      service_name_matcher: 'honoured',
      method: 'honoured',
    },
  ],
  ['envoy.config.core.v3.HealthCheck.TcpHealthCheck', { send: 'honoured', receive: 'honoured' }],
  [
    'envoy.config.core.v3.HealthCheck.GrpcHealthCheck',
    { service_name: 'honoured', authority: 'honoured', initial_metadata: 'honoured' },
  ],
  ['envoy.config.core.v3.HealthCheck.Payload', { text: 'honoured', binary: 'honoured' }],
  ['envoy.config.core.v3.HealthCheck.TlsOptions', { alpn_protocols: 'honoured' }],
]
