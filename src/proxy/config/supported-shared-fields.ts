import type { FieldRule } from './supported-fields.ts'

const extensionName: FieldRule = { harmless: 'the type of typed_config decides, the name is for people' }

/** Messages that listeners, routes and clusters share. */
export const sharedFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  ['envoy.config.core.v3.Address', { socket_address: 'honoured', pipe: 'honoured' }],
  ['envoy.config.core.v3.SocketAddress', { protocol: 'honoured', address: 'honoured', port_value: 'honoured' }],
  ['envoy.config.core.v3.Pipe', { path: 'honoured' }],
  ['envoy.config.core.v3.CidrRange', { address_prefix: 'honoured', prefix_len: 'honoured' }],
  [
    'envoy.config.core.v3.Metadata',
    {
      filter_metadata: { harmless: 'free-form; read by name', whole: true },
      typed_filter_metadata: { harmless: 'read by no filter of this proxy', whole: true },
    },
  ],
  ['envoy.config.core.v3.DataSource', { filename: 'honoured', inline_bytes: 'honoured', inline_string: 'honoured' }],
  ['envoy.config.core.v3.TransportSocket', { name: extensionName, typed_config: 'honoured' }],
  [
    'envoy.config.core.v3.ConfigSource',
    {
      ads: 'honoured',
      api_config_source: 'honoured',
      initial_fetch_timeout: { only: ['0s'] },
      resource_api_version: { only: ['V3'] },
    },
  ],
  ['envoy.config.core.v3.AggregatedConfigSource', {}],
  [
    'envoy.config.core.v3.ApiConfigSource',
    {
      api_type: { only: ['GRPC', 'DELTA_GRPC'] },
      transport_api_version: { only: ['V3'] },
      grpc_services: 'honoured',
      set_node_on_first_message_only: { harmless: 'the node is sent once per stream in any case' },
    },
  ],
  ['envoy.config.core.v3.GrpcService', { envoy_grpc: 'honoured' }],
  ['envoy.config.core.v3.GrpcService.EnvoyGrpc', { cluster_name: 'honoured' }],
  [
    'envoy.config.core.v3.HeaderValueOption',
    {
      header: 'honoured',
      append: 'honoured',
      append_action: { only: ['APPEND_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS_OR_ADD'] },
      keep_empty_value: 'honoured',
    },
  ],
  ['envoy.config.core.v3.HeaderValue', { key: 'honoured', value: 'honoured' }],
  [
    'envoy.config.core.v3.RuntimeFractionalPercent',
    {
      default_value: 'honoured',
      runtime_key: { harmless: 'this proxy has no runtime layers, so the default value always holds' },
    },
  ],
  ['envoy.type.v3.FractionalPercent', { numerator: 'honoured', denominator: 'honoured' }],
  ['envoy.type.v3.Int64Range', { start: 'honoured', end: 'honoured' }],
  [
    'envoy.type.matcher.v3.StringMatcher',
    {
      exact: 'honoured',
      prefix: 'honoured',
      suffix: 'honoured',
      contains: 'honoured',
      safe_regex: 'honoured',
      ignore_case: 'honoured',
    },
  ],
  ['envoy.type.matcher.v3.RegexMatcher', { regex: 'honoured', google_re2: { harmless: 'RE2 is the only engine' } }],
  ['envoy.type.matcher.v3.RegexMatcher.GoogleRE2', {}],
  ['envoy.type.matcher.v3.RegexMatchAndSubstitute', { pattern: 'honoured', substitution: 'honoured' }],
  ['envoy.config.accesslog.v3.AccessLog', { name: extensionName, typed_config: 'honoured' }],
  [
    'envoy.extensions.access_loggers.file.v3.FileAccessLog',
    {
      path: 'honoured',
      format: 'honoured',
      json_format: 'honoured',
      typed_json_format: 'honoured',
      log_format: 'honoured',
    },
  ],
  ['envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', { log_format: 'honoured' }],
  ['envoy.extensions.access_loggers.stream.v3.StderrAccessLog', { log_format: 'honoured' }],
  [
    'envoy.config.core.v3.SubstitutionFormatString',
    {
      text_format: 'honoured',
      text_format_source: 'honoured',
      json_format: 'honoured',
      content_type: { harmless: 'counts for local replies only, and those cannot be formatted here' },
    },
  ],
  ['envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}],
  [
    'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    {
      common_tls_context: 'honoured',
      require_client_certificate: 'honoured',
    },
  ],
  ['envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', { common_tls_context: 'honoured', sni: 'honoured' }],
  [
    'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext',
    {
      tls_params: 'honoured',
      tls_certificates: 'honoured',
      tls_certificate_sds_secret_configs: 'honoured',
      validation_context: 'honoured',
      validation_context_sds_secret_config: 'honoured',
      combined_validation_context: 'honoured',
      alpn_protocols: 'honoured',
    },
  ],
  [
    'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext',
    {
      default_validation_context: 'honoured',
      validation_context_sds_secret_config: 'honoured',
    },
  ],
  [
    'envoy.extensions.transport_sockets.tls.v3.TlsParameters',
    {
      tls_minimum_protocol_version: { only: ['TLSv1_2', 'TLSv1_3'] },
      tls_maximum_protocol_version: { only: ['TLSv1_2', 'TLSv1_3'] },
      cipher_suites: 'honoured',
    },
  ],
  [
    'envoy.extensions.transport_sockets.tls.v3.TlsCertificate',
    { certificate_chain: 'honoured', private_key: 'honoured' },
  ],
  ['envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig', { name: 'honoured', sds_config: 'honoured' }],
  [
    'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext',
    {
      trusted_ca: 'honoured',
      match_typed_subject_alt_names: 'honoured',
    },
  ],
  [
    'envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher',
    {
      san_type: { only: ['DNS', 'URI', 'IP_ADDRESS'] },
      matcher: 'honoured',
    },
  ],
  [
    'envoy.extensions.transport_sockets.tls.v3.Secret',
    {
      name: 'honoured',
      tls_certificate: 'honoured',
      validation_context: 'honoured',
    },
  ],
]
