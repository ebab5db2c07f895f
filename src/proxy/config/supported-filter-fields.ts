import type { FieldRule } from './supported-fields.ts'

/** Filters of calls of gRPC. */
export const grpcFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
    {
      emit_filter_state: { harmless: 'nothing in this proxy reads the state of filters' },
      individual_method_stats_allowlist: 'honoured',
      stats_for_all_methods: 'honoured',
    },
  ],
  ['envoy.extensions.filters.http.grpc_web.v3.GrpcWeb', {}],
  ['envoy.config.core.v3.GrpcMethodList', { services: 'honoured' }],
  ['envoy.config.core.v3.GrpcMethodList.Service', { name: 'honoured', method_names: 'honoured' }],
]

/** Role-based access control of requests and connections. */
export const rbacFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.extensions.filters.http.rbac.v3.RBAC',
    {
      rules: 'honoured',
      rules_stat_prefix: 'honoured',
      shadow_rules: 'honoured',
      shadow_rules_stat_prefix: 'honoured',
    },
  ],
  ['envoy.extensions.filters.http.rbac.v3.RBACPerRoute', { rbac: 'honoured' }],
  [
    'envoy.extensions.filters.network.rbac.v3.RBAC',
    {
      rules: 'honoured',
      shadow_rules: 'honoured',
      stat_prefix: 'honoured',
      enforcement_type: { harmless: 'what rules ask for does not change while a connection lasts' },
    },
  ],
  ['envoy.config.rbac.v3.RBAC', { action: { only: ['ALLOW', 'DENY'] }, policies: 'honoured' }],
  ['envoy.config.rbac.v3.Policy', { permissions: 'honoured', principals: 'honoured' }],
  [
    'envoy.config.rbac.v3.Permission',
    {
      and_rules: 'honoured',
      or_rules: 'honoured',
      not_rule: 'honoured',
      any: 'honoured',
      header: 'honoured',
      url_path: 'honoured',
      destination_ip: 'honoured',
      destination_port: 'honoured',
      destination_port_range: 'honoured',
      requested_server_name: 'honoured',
    },
  ],
  ['envoy.config.rbac.v3.Permission.Set', { rules: 'honoured' }],
  [
    'envoy.config.rbac.v3.Principal',
    {
      and_ids: 'honoured',
      or_ids: 'honoured',
      not_id: 'honoured',
      any: 'honoured',
      authenticated: 'honoured',
      source_ip: 'honoured',
      direct_remote_ip: 'honoured',
      remote_ip: 'honoured',
      header: 'honoured',
      url_path: 'honoured',
    },
  ],
  ['envoy.config.rbac.v3.Principal.Set', { ids: 'honoured' }],
  ['envoy.config.rbac.v3.Principal.Authenticated', { principal_name: 'honoured' }],
  ['envoy.type.matcher.v3.PathMatcher', { path: 'honoured' }],
  ['envoy.type.v3.Int32Range', { start: 'honoured', end: 'honoured' }],
]
