import type { FieldRule } from './supported-fields.ts'

const headerEdits = {
  request_headers_to_add: 'honoured',
  request_headers_to_remove: 'honoured',
  response_headers_to_add: 'honoured',
  response_headers_to_remove: 'honoured',
} as const satisfies Record<string, FieldRule>

/** Route configurations, virtual hosts and routes. */
export const routeFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.route.v3.RouteConfiguration',
    {
      ...headerEdits,
      name: 'honoured',
      virtual_hosts: 'honoured',
      vhds: 'honoured',
      most_specific_header_mutations_wins: 'honoured',
      validate_clusters: { only: ['false'] },
      max_direct_response_body_size_bytes: 'honoured',
      ignore_port_in_host_matching: 'honoured',
      metadata: { harmless: 'free-form' },
    },
  ],
  ['envoy.config.route.v3.Vhds', { config_source: 'honoured' }],
  [
    'envoy.config.route.v3.VirtualHost',
    {
      ...headerEdits,
      name: 'honoured',
      domains: 'honoured',
      routes: 'honoured',
      retry_policy: 'honoured',
      typed_per_filter_config: 'honoured',
      metadata: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.Route',
    {
      ...headerEdits,
      name: 'honoured',
      match: 'honoured',
      route: 'honoured',
      redirect: 'honoured',
      direct_response: 'honoured',
      metadata: 'honoured',
      typed_per_filter_config: 'honoured',
      decorator: { harmless: 'names trace spans; tracing is refused where it would be switched on' },
      stat_prefix: { harmless: 'names Envoy statistics that this proxy does not have' },
    },
  ],
  [
    'envoy.config.route.v3.Decorator',
    {
      operation: { harmless: 'names trace spans' },
      propagate: { harmless: 'counts with tracing only' },
    },
  ],
  [
    'envoy.config.route.v3.RouteMatch',
    {
      prefix: 'honoured',
      path: 'honoured',
      safe_regex: 'honoured',
      path_separated_prefix: 'honoured',
      connect_matcher: 'honoured',
      case_sensitive: 'honoured',
      runtime_fraction: 'honoured',
      headers: 'honoured',
      query_parameters: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.HeaderMatcher',
    {
      name: 'honoured',
      exact_match: 'honoured',
      safe_regex_match: 'honoured',
      range_match: 'honoured',
      present_match: 'honoured',
      prefix_match: 'honoured',
      suffix_match: 'honoured',
      contains_match: 'honoured',
      string_match: 'honoured',
      invert_match: 'honoured',
      treat_missing_header_as_empty: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.QueryParameterMatcher',
    { name: 'honoured', string_match: 'honoured', present_match: 'honoured' },
  ],
  [
    'envoy.config.route.v3.RouteAction',
    {
      cluster: 'honoured',
      weighted_clusters: 'honoured',
      prefix_rewrite: 'honoured',
      regex_rewrite: 'honoured',
      host_rewrite_literal: 'honoured',
      timeout: 'honoured',
      idle_timeout: 'honoured',
      retry_policy: 'honoured',
      hash_policy: 'honoured',
      max_stream_duration: 'honoured',
      metadata_match: 'honoured',
      upgrade_configs: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.RouteAction.UpgradeConfig',
    { upgrade_type: 'honoured', enabled: 'honoured', connect_config: 'honoured' },
  ],
  ['envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig', {}],
  ['envoy.config.route.v3.RouteMatch.ConnectMatcher', {}],
  [
    'envoy.config.route.v3.RouteAction.HashPolicy',
    {
      header: 'honoured',
      cookie: 'honoured',
      connection_properties: 'honoured',
      query_parameter: 'honoured',
      terminal: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.RouteAction.MaxStreamDuration',
    {
      max_stream_duration: 'honoured',
      grpc_timeout_header_max: 'honoured',
      grpc_timeout_header_offset: 'honoured',
    },
  ],
  ['envoy.config.route.v3.RouteAction.HashPolicy.Header', { header_name: 'honoured' }],
  ['envoy.config.route.v3.RouteAction.HashPolicy.Cookie', { name: 'honoured', ttl: 'honoured', path: 'honoured' }],
  ['envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties', { source_ip: 'honoured' }],
  ['envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter', { name: 'honoured' }],
  [
    'envoy.config.route.v3.WeightedCluster',
    {
      clusters: 'honoured',
      runtime_key_prefix: { harmless: 'this proxy has no runtime layers, so the weights given always hold' },
    },
  ],
  [
    'envoy.config.route.v3.WeightedCluster.ClusterWeight',
    {
      ...headerEdits,
      name: 'honoured',
      weight: 'honoured',
      metadata_match: 'honoured',
      host_rewrite_literal: 'honoured',
      typed_per_filter_config: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.RetryPolicy',
    {
      retry_on: 'honoured',
      num_retries: 'honoured',
      per_try_timeout: 'honoured',
      retry_host_predicate: 'honoured',
      host_selection_retry_max_attempts: 'honoured',
      retriable_status_codes: 'honoured',
      retry_back_off: 'honoured',
    },
  ],
  [
    'envoy.config.route.v3.RetryPolicy.RetryHostPredicate',
    {
      name: { harmless: 'the type of typed_config decides, the name is for people' },
      typed_config: 'honoured',
    },
  ],
  ['envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}],
  ['envoy.config.route.v3.RetryPolicy.RetryBackOff', { base_interval: 'honoured', max_interval: 'honoured' }],
  [
    'envoy.config.route.v3.RedirectAction',
    {
      https_redirect: 'honoured',
      scheme_redirect: 'honoured',
      host_redirect: 'honoured',
      port_redirect: 'honoured',
      path_redirect: 'honoured',
      prefix_rewrite: 'honoured',
      regex_rewrite: 'honoured',
      response_code: 'honoured',
      strip_query: 'honoured',
    },
  ],
  ['envoy.config.route.v3.DirectResponseAction', { status: 'honoured', body: 'honoured' }],
]
