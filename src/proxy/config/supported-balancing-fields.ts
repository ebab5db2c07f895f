import type { FieldRule } from './supported-fields.ts'

const policies = 'envoy.extensions.load_balancing_policies'

const runtimeKey: FieldRule = { harmless: 'this proxy has no runtime layers, so the default value always holds' }

const slowStart = {
  slow_start_window: 'honoured',
  aggression: 'honoured',
  min_weight_percent: 'honoured',
} as const satisfies Record<string, FieldRule>

const zoneAware = {
  routing_enabled: 'honoured',
  min_cluster_size: 'honoured',
  fail_traffic_on_panic: 'honoured',
} as const satisfies Record<string, FieldRule>

const ringHash = {
  minimum_ring_size: 'honoured',
  maximum_ring_size: 'honoured',
} as const satisfies Record<string, FieldRule>

const subsets = {
  fallback_policy: 'honoured',
  default_subset: 'honoured',
  subset_selectors: 'honoured',
  locality_weight_aware: 'honoured',
  scale_locality_weight: 'honoured',
  panic_mode_any: 'honoured',
  list_as_any: 'honoured',
} as const satisfies Record<string, FieldRule>

const selector = {
  keys: 'honoured',
  fallback_policy: 'honoured',
  fallback_keys_subset: 'honoured',
} as const satisfies Record<string, FieldRule>

/** Balancing, circuit breakers, where endpoints stand, and sessions that keep to one of them. */
export const balancingFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.cluster.v3.Cluster.LeastRequestLbConfig',
    { choice_count: 'honoured', active_request_bias: 'honoured', slow_start_config: 'honoured' },
  ],
  ['envoy.config.cluster.v3.Cluster.RoundRobinLbConfig', { slow_start_config: 'honoured' }],
  ['envoy.config.cluster.v3.Cluster.SlowStartConfig', slowStart],
  ['envoy.config.core.v3.RuntimeDouble', { default_value: 'honoured', runtime_key: runtimeKey }],
  ['envoy.config.cluster.v3.Cluster.RingHashLbConfig', { ...ringHash, hash_function: { only: ['XX_HASH'] } }],
  ['envoy.config.cluster.v3.Cluster.MaglevLbConfig', { table_size: 'honoured' }],
  ['envoy.config.cluster.v3.Cluster.OriginalDstLbConfig', {}],
  [
    'envoy.config.cluster.v3.Cluster.CommonLbConfig',
    {
      healthy_panic_threshold: 'honoured',
      ignore_new_hosts_until_first_hc: 'honoured',
      zone_aware_lb_config: 'honoured',
      locality_weighted_lb_config: 'honoured',
      update_merge_window: { harmless: 'endpoints are replaced as a whole in any case: nothing is rebuilt twice' },
    },
  ],
  ['envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig', zoneAware],
  ['envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig', {}],
  ['envoy.type.v3.Percent', { value: 'honoured' }],
  ['envoy.config.cluster.v3.Cluster.LbSubsetConfig', subsets],
  ['envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector', selector],
  [`${policies}.subset.v3.Subset`, { ...subsets, subset_lb_policy: 'honoured' }],
  [`${policies}.subset.v3.Subset.LbSubsetSelector`, selector],
  [
    'envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
    { session_state: 'honoured', strict: 'honoured' },
  ],
  [
    'envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute',
    { disabled: 'honoured', stateful_session: 'honoured' },
  ],
  ['envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState', { cookie: 'honoured' }],
  ['envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState', { name: 'honoured' }],
  ['envoy.type.http.v3.Cookie', { name: 'honoured', ttl: 'honoured', path: 'honoured' }],
  [
    'envoy.config.core.v3.TypedExtensionConfig',
    { name: { harmless: 'the type of typed_config decides, the name is for people' }, typed_config: 'honoured' },
  ],
  [
    'envoy.config.cluster.v3.LoadBalancingPolicy',
    { policies: { harmless: 'the first policy that is known is checked when it is compiled', whole: true } },
  ],
  [`${policies}.round_robin.v3.RoundRobin`, { slow_start_config: 'honoured', locality_lb_config: 'honoured' }],
  [`${policies}.random.v3.Random`, { locality_lb_config: 'honoured' }],
  [
    `${policies}.least_request.v3.LeastRequest`,
    {
      choice_count: 'honoured',
      active_request_bias: 'honoured',
      slow_start_config: 'honoured',
      locality_lb_config: 'honoured',
      selection_method: 'honoured',
    },
  ],
  [
    `${policies}.ring_hash.v3.RingHash`,
    { ...ringHash, hash_function: { only: ['DEFAULT_HASH', 'XX_HASH'] }, locality_weighted_lb_config: 'honoured' },
  ],
  [`${policies}.maglev.v3.Maglev`, { table_size: 'honoured', locality_weighted_lb_config: 'honoured' }],
  [`${policies}.cluster_provided.v3.ClusterProvided`, {}],
  [`${policies}.wrr_locality.v3.WrrLocality`, { endpoint_picking_policy: 'honoured' }],
  [`${policies}.common.v3.SlowStartConfig`, slowStart],
  [
    `${policies}.common.v3.LocalityLbConfig`,
    { zone_aware_lb_config: 'honoured', locality_weighted_lb_config: 'honoured' },
  ],
  [`${policies}.common.v3.LocalityLbConfig.ZoneAwareLbConfig`, zoneAware],
  [`${policies}.common.v3.LocalityLbConfig.LocalityWeightedLbConfig`, {}],
  ['envoy.config.cluster.v3.CircuitBreakers', { thresholds: 'honoured', per_host_thresholds: 'honoured' }],
  [
    'envoy.config.cluster.v3.CircuitBreakers.Thresholds',
    {
      priority: { only: ['DEFAULT'] },
      max_connections: 'honoured',
      max_pending_requests: 'honoured',
      max_requests: 'honoured',
      max_retries: 'honoured',
      max_connection_pools: 'honoured',
      retry_budget: 'honoured',
      track_remaining: { harmless: 'adds Envoy statistics only' },
    },
  ],
  [
    'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget',
    { budget_percent: 'honoured', min_retry_concurrency: 'honoured' },
  ],
  [
    'envoy.config.endpoint.v3.ClusterLoadAssignment',
    { cluster_name: 'honoured', endpoints: 'honoured', policy: 'honoured' },
  ],
  [
    'envoy.config.endpoint.v3.ClusterLoadAssignment.Policy',
    { overprovisioning_factor: 'honoured', weighted_priority_health: 'honoured' },
  ],
  [
    'envoy.config.endpoint.v3.LocalityLbEndpoints',
    {
      locality: 'honoured',
      lb_endpoints: 'honoured',
      load_balancing_weight: 'honoured',
      priority: 'honoured',
      metadata: { harmless: 'free-form' },
    },
  ],
  ['envoy.config.core.v3.Locality', { region: 'honoured', zone: 'honoured', sub_zone: 'honoured' }],
]
