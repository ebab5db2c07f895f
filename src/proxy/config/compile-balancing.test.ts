import { describe, expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { createSubsetMatch } from '../route/index.ts'
import { anyTypes } from './any-types.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { compileCluster } from './compile-cluster.ts'

function compile(fields: string): ReturnType<typeof compileCluster> {
  const json: JsonObject = parse(`{ name: c, ${fields} }`)
  return compileCluster(fromJson(ClusterSchema, json, { registry: anyTypes }))
}

function compiled(fields: string): ClusterConfig {
  const result = compile(fields)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function typed(type: string, fields = ''): string {
  const comma = fields === '' ? '' : ', '
  return `{ typed_extension_config: { name: p, typed_config: { "@type": type.googleapis.com/${type}${comma}${fields} } } }`
}

const folder = 'envoy.extensions.load_balancing_policies'
const peakEwma = (fields: string): string =>
  typed(
    'xds.type.v3.TypedStruct',
    `type_url: type.googleapis.com/${folder}.peak_ewma.v3alpha.PeakEwma, value: ${fields}`,
  )
const policy = (...policies: readonly string[]): string =>
  `load_balancing_policy: { policies: [ ${policies.join(', ')} ] }`

test('compileCluster() has Envoy’s panic threshold and preference of zones by default', () => {
  expect(compiled('lb_policy: ROUND_ROBIN').spread).toEqual({
    panicThreshold: 50,
    locality: { kind: 'zone-aware', routingPercent: 100, minClusterSize: 6, failTrafficOnPanic: false },
    subsets: undefined,
  })
})

test.each([
  [
    'lb_policy: ROUND_ROBIN, round_robin_lb_config: { slow_start_config: { slow_start_window: 60s, aggression: { default_value: 2, runtime_key: k }, min_weight_percent: { value: 20 } } }',
    { kind: 'round-robin', slowStart: { windowMs: 60_000, aggression: 2, minWeight: 0.2 } },
  ],
  [
    'lb_policy: LEAST_REQUEST, least_request_lb_config: { choice_count: 3, active_request_bias: { default_value: 0.5, runtime_key: k }, slow_start_config: { slow_start_window: 1s } }',
    {
      kind: 'least-request',
      choiceCount: 3,
      activeRequestBias: 0.5,
      slowStart: { windowMs: 1000, aggression: 1, minWeight: 0.1 },
    },
  ],
  [policy(typed(`${folder}.round_robin.v3.RoundRobin`)), { kind: 'round-robin' }],
  [policy(typed(`${folder}.random.v3.Random`)), { kind: 'random' }],
  [
    policy(typed(`${folder}.least_request.v3.LeastRequest`, 'selection_method: FULL_SCAN')),
    { kind: 'least-request', choiceCount: 2, fullScan: true },
  ],
  [
    policy(typed(`${folder}.ring_hash.v3.RingHash`, 'minimum_ring_size: 7')),
    { kind: 'ring-hash', minimumSize: 7, maximumSize: 1_048_576 },
  ],
  [policy(typed(`${folder}.maglev.v3.Maglev`, 'table_size: 251')), { kind: 'maglev', tableSize: 251 }],
  [
    policy(peakEwma('{ decay_time: 2.5s, default_rtt: 5s, aggregation_interval: 0.1s }')),
    { kind: 'peak-ewma', decayMs: 2500, defaultRttMs: 5000, penalty: 1_000_000 },
  ],
  [
    policy(
      typed(
        'xds.type.v3.TypedStruct',
        `type_url: a/${folder}.least_request.v3.LeastRequest, value: { choice_count: 5 }`,
      ),
    ),
    { kind: 'least-request', choiceCount: 5 },
  ],
  // A policy that is not known is an offer that is not taken.
  [
    policy(typed('xds.type.v3.TypedStruct', 'type_url: a/b.Unknown'), typed(`${folder}.random.v3.Random`)),
    { kind: 'random' },
  ],
] as const)('compileCluster() reads the balancer of %s', (fields, balancer) => {
  expect(compiled(fields).balancer).toEqual(balancer)
})

test.each([
  ['common_lb_config: { locality_weighted_lb_config: {} }', { kind: 'weighted' }],
  [
    'common_lb_config: { zone_aware_lb_config: { routing_enabled: { value: 50 }, min_cluster_size: 2, fail_traffic_on_panic: true } }',
    { kind: 'zone-aware', routingPercent: 50, minClusterSize: 2, failTrafficOnPanic: true },
  ],
  [
    policy(
      typed(
        `${folder}.wrr_locality.v3.WrrLocality`,
        `endpoint_picking_policy: { policies: [ ${typed(`${folder}.round_robin.v3.RoundRobin`)} ] }`,
      ),
    ),
    { kind: 'weighted' },
  ],
  [
    policy(typed(`${folder}.random.v3.Random`, 'locality_lb_config: { zone_aware_lb_config: {} }')),
    { kind: 'zone-aware', routingPercent: 100, minClusterSize: 6, failTrafficOnPanic: false },
  ],
  [policy(typed(`${folder}.maglev.v3.Maglev`, 'locality_weighted_lb_config: {}')), { kind: 'weighted' }],
] as const)('compileCluster() reads how localities count from %s', (fields, locality) => {
  expect(compiled(fields).spread?.locality).toEqual(locality)
})

test('compileCluster() reads subsets', () => {
  const { spread } = compiled(
    'lb_subset_config: { fallback_policy: DEFAULT_SUBSET, default_subset: { stage: prod }, list_as_any: true, panic_mode_any: true, subset_selectors: [ { keys: [ version, stage ], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [ stage ] }, { keys: [ x ] } ] }',
  )
  expect(spread?.subsets).toEqual({
    fallback: 'default',
    defaultSubset: createSubsetMatch({ stage: 'prod' }),
    selectors: [
      { keys: ['stage', 'version'], fallback: 'keys', fallbackKeys: ['stage'] },
      { keys: ['x'], fallback: undefined, fallbackKeys: [] },
    ],
    listAsAny: true,
    panicModeAny: true,
    localityWeightAware: false,
    scaleLocalityWeight: false,
  })
})

test('compileCluster() reads the typed policy of subsets as it reads the old one', () => {
  const fields = 'fallback_policy: ANY_ENDPOINT, subset_selectors: [ { keys: [ x ], fallback_policy: NO_FALLBACK } ]'
  const inner = `subset_lb_policy: { policies: [ ${typed(`${folder}.random.v3.Random`)} ] }`
  const { balancer, spread } = compiled(policy(typed(`${folder}.subset.v3.Subset`, `${fields}, ${inner}`)))
  expect(balancer).toEqual({ kind: 'random' })
  expect(spread).toEqual(compiled(`lb_policy: RANDOM, lb_subset_config: { ${fields} }`).spread)
  expect(spread?.subsets?.selectors).toEqual([{ keys: ['x'], fallback: 'none', fallbackKeys: [] }])
})

test('compileCluster() reads retry budget and limits of one host', () => {
  const { limits } = compiled(
    'circuit_breakers: { thresholds: [ { retry_budget: { budget_percent: { value: 25 } } } ], per_host_thresholds: [ { max_connections: 7 } ] }',
  )
  expect(limits).toMatchObject({ retryBudget: { percent: 25, minConcurrency: 3 }, maxConnectionsPerHost: 7 })
})

describe('refused balancing', () => {
  const ringHash = policy(typed(`${folder}.ring_hash.v3.RingHash`, 'hash_balance_factor: 150'))
  test.each([
    ['lb_policy: LOAD_BALANCING_POLICY_CONFIG', 'lb_policy'],
    [policy(), 'load_balancing_policy.policies'],
    [policy(typed('xds.type.v3.TypedStruct', 'type_url: a/b.Unknown')), 'load_balancing_policy.policies'],
    [
      policy(typed('xds.type.v3.TypedStruct', `type_url: a/${folder}.random.v3.Random, value: { other: 1 }`)),
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.value',
    ],
    [ringHash, 'load_balancing_policy.policies[0].typed_extension_config.typed_config.hash_balance_factor'],
    [
      policy(peakEwma('{ decay_time: 0s }')),
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.value.decay_time',
    ],
    [
      policy(peakEwma('{ other: 1 }')),
      'load_balancing_policy.policies[0].typed_extension_config.typed_config.value.other',
    ],
    [`${policy(typed(`${folder}.random.v3.Random`))}, lb_subset_config: {}`, 'lb_subset_config'],
    [
      `${policy(typed(`${folder}.random.v3.Random`))}, common_lb_config: { locality_weighted_lb_config: {} }`,
      'common_lb_config.locality_weighted_lb_config',
    ],
    [policy(typed(`${folder}.cluster_provided.v3.ClusterProvided`)), 'load_balancing_policy'],
    ['lb_policy: MAGLEV, common_lb_config: { zone_aware_lb_config: {} }', 'common_lb_config.zone_aware_lb_config'],
    [
      'lb_policy: RING_HASH, common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 150 } }',
      'common_lb_config.consistent_hashing_lb_config',
    ],
    [
      'lb_subset_config: { subset_selectors: [ { keys: [ a ], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [ a ] } ] }',
      'lb_subset_config.subset_selectors[0].fallback_keys_subset',
    ],
    [
      'lb_subset_config: { subset_selectors: [ { keys: [ a ], single_host_per_subset: true } ] }',
      'lb_subset_config.subset_selectors[0].single_host_per_subset',
    ],
    [
      'circuit_breakers: { per_host_thresholds: [ { max_requests: 3 } ] }',
      'circuit_breakers.per_host_thresholds[0].max_requests',
    ],
    [
      'load_assignment: { cluster_name: c, policy: { endpoint_stale_after: 3s } }',
      'load_assignment.policy.endpoint_stale_after',
    ],
  ])('{ %s } at %s', (fields, path) => {
    const result = compile(fields)
    expect(result.ok ? [] : result.error.map((fault) => fault.path)).toContain(path)
  })
})
