import {
  Cluster_LbPolicy,
  type Cluster,
  type Cluster_CommonLbConfig,
} from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import type { BalancerConfig, LocalityConfig, SpreadConfig } from './balancing-config.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { leastRequest, maglev, ringHash, roundRobin, zoneAware } from './compile-balancer.ts'
import type { CompileContext } from './compile-context.ts'
import { compileSubsets } from './compile-subsets.ts'
import { compileTypedPolicy } from './compile-typed-policy.ts'
import { percentOf } from './field-values.ts'

/** Policies that have settings, by the field of their settings. */
const settingsOf: ReadonlyMap<string | undefined, { readonly field: string; readonly policy: Cluster_LbPolicy }> =
  new Map([
    ['roundRobinLbConfig', { field: 'round_robin_lb_config', policy: Cluster_LbPolicy.ROUND_ROBIN }],
    ['leastRequestLbConfig', { field: 'least_request_lb_config', policy: Cluster_LbPolicy.LEAST_REQUEST }],
    ['ringHashLbConfig', { field: 'ring_hash_lb_config', policy: Cluster_LbPolicy.RING_HASH }],
    ['maglevLbConfig', { field: 'maglev_lb_config', policy: Cluster_LbPolicy.MAGLEV }],
  ])

/** Compiles `load_balancing_policy`, or else `lb_policy` with what belongs to it, and `common_lb_config`. */
export function compileBalancing(
  context: CompileContext,
  message: Cluster,
  discovery: ClusterConfig['discovery'],
): { readonly balancer: BalancerConfig; readonly spread: SpreadConfig } {
  const common = message.commonLbConfig
  const panicThreshold = percentOf(context, 'common_lb_config.healthy_panic_threshold', {
    value: common?.healthyPanicThreshold,
    absent: 50,
  })
  if (message.loadBalancingPolicy !== undefined) {
    refuseBeside(context, message)
    const typed = compileTypedPolicy(context, 'load_balancing_policy', message.loadBalancingPolicy)
    if ((typed.balancer.kind === 'original-dst') !== (discovery === 'original-dst'))
      context.faults.add('load_balancing_policy', 'The policy ClusterProvided and type ORIGINAL_DST need each other')
    const locality = typed.locality ?? defaultLocality(typed.balancer)
    return { balancer: typed.balancer, spread: { panicThreshold, locality, subsets: typed.subsets } }
  }
  if (message.lbPolicy === Cluster_LbPolicy.LOAD_BALANCING_POLICY_CONFIG)
    context.faults.add('lb_policy', 'LOAD_BALANCING_POLICY_CONFIG needs load_balancing_policy')
  const subsets = compileSubsets(context, 'lb_subset_config', message.lbSubsetConfig)
  if (subsets !== undefined && discovery === 'original-dst')
    context.faults.add('lb_subset_config', 'Expected none with type ORIGINAL_DST')
  const balancer = lbPolicy(context, message, discovery)
  const locality = localityOf(context, common)
  if (locality?.kind === 'zone-aware' && (balancer.kind === 'ring-hash' || balancer.kind === 'maglev'))
    context.faults.add('common_lb_config.zone_aware_lb_config', 'Expected none with RING_HASH and MAGLEV')
  return { balancer, spread: { panicThreshold, locality: locality ?? defaultLocality(balancer), subsets } }
}

/** As in Envoy, zones are preferred when nothing is said about localities; that takes a local cluster to change anything. */
function defaultLocality({ kind }: BalancerConfig): LocalityConfig | undefined {
  if (kind !== 'round-robin' && kind !== 'random' && kind !== 'least-request') return undefined
  return { kind: 'zone-aware', routingPercent: 100, minClusterSize: 6, failTrafficOnPanic: false }
}

/** What a typed policy says for itself must not be said again beside it, as in Envoy. */
function refuseBeside(context: CompileContext, message: Cluster): void {
  const fault = 'Expected none with load_balancing_policy'
  if (message.lbSubsetConfig !== undefined) context.faults.add('lb_subset_config', fault)
  const settings = settingsOf.get(message.lbConfig.case)
  if (settings !== undefined) context.faults.add(settings.field, fault)
  const locality = message.commonLbConfig?.localityConfigSpecifier.case
  if (locality === 'zoneAwareLbConfig') context.faults.add('common_lb_config.zone_aware_lb_config', fault)
  if (locality === 'localityWeightedLbConfig') context.faults.add('common_lb_config.locality_weighted_lb_config', fault)
}

function lbPolicy(context: CompileContext, message: Cluster, discovery: ClusterConfig['discovery']): BalancerConfig {
  const passthrough = discovery === 'original-dst'
  if (passthrough !== (message.lbPolicy === Cluster_LbPolicy.CLUSTER_PROVIDED)) {
    context.faults.add('lb_policy', 'CLUSTER_PROVIDED and type ORIGINAL_DST need each other')
  }
  const settings = message.lbConfig
  const owner = settingsOf.get(settings.case)
  if (owner !== undefined && message.lbPolicy !== owner.policy) {
    context.faults.add(owner.field, `Expected with lb_policy ${Cluster_LbPolicy[owner.policy]} only`)
  }
  switch (message.lbPolicy) {
    case Cluster_LbPolicy.RANDOM:
      return { kind: 'random' }
    case Cluster_LbPolicy.LEAST_REQUEST: {
      const given = settings.case === 'leastRequestLbConfig' ? settings.value : undefined
      return leastRequest(context, 'least_request_lb_config', given)
    }
    case Cluster_LbPolicy.RING_HASH:
      return ringHash(context, 'ring_hash_lb_config', settings.case === 'ringHashLbConfig' ? settings.value : undefined)
    case Cluster_LbPolicy.MAGLEV:
      return maglev(context, 'maglev_lb_config', settings.case === 'maglevLbConfig' ? settings.value : undefined)
    default: {
      if (passthrough) return { kind: 'original-dst' }
      const given = settings.case === 'roundRobinLbConfig' ? settings.value : undefined
      return roundRobin(context, 'round_robin_lb_config', given)
    }
  }
}

function localityOf(context: CompileContext, common: Cluster_CommonLbConfig | undefined): LocalityConfig | undefined {
  const choice = common?.localityConfigSpecifier
  if (choice?.case === 'localityWeightedLbConfig') return { kind: 'weighted' }
  if (choice?.case !== 'zoneAwareLbConfig') return undefined
  return zoneAware(context, 'common_lb_config.zone_aware_lb_config', choice.value)
}
