import { Cluster_LbPolicy, type Cluster } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CompileContext } from './compile-context.ts'
import { boundedInteger } from './field-values.ts'

/** Most entries of a ring or Maglev table: they are built between two requests, on a processor that has others to serve. */
const maxTableSize = 1_048_576

/** Policies that have settings, by the field of their settings. */
const settingsOf: ReadonlyMap<string | undefined, { readonly field: string; readonly policy: Cluster_LbPolicy }> =
  new Map([
    ['leastRequestLbConfig', { field: 'least_request_lb_config', policy: Cluster_LbPolicy.LEAST_REQUEST }],
    ['ringHashLbConfig', { field: 'ring_hash_lb_config', policy: Cluster_LbPolicy.RING_HASH }],
    ['maglevLbConfig', { field: 'maglev_lb_config', policy: Cluster_LbPolicy.MAGLEV }],
  ])

/** Compiles `lb_policy` with the settings that belong to it. */
export function compileBalancer(
  context: CompileContext,
  message: Cluster,
  discovery: ClusterConfig['discovery'],
): ClusterConfig['balancer'] {
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
      const value = settings.case === 'leastRequestLbConfig' ? settings.value.choiceCount : undefined
      const at = 'least_request_lb_config.choice_count'
      return {
        kind: 'least-request',
        choiceCount: boundedInteger(context, at, { value, absent: 2, min: 2, max: 1024 }),
      }
    }
    case Cluster_LbPolicy.RING_HASH:
      return ringHash(context, settings)
    case Cluster_LbPolicy.MAGLEV:
      return { kind: 'maglev', tableSize: tableSize(context, settings) }
    default:
      return passthrough ? { kind: 'original-dst' } : { kind: 'round-robin' }
  }
}

function ringHash(
  context: CompileContext,
  settings: Cluster['lbConfig'],
): Extract<ClusterConfig['balancer'], { readonly kind: 'ring-hash' }> {
  const given = settings.case === 'ringHashLbConfig' ? settings.value : undefined
  const size = (field: string, value: bigint | undefined, absent: number): number =>
    boundedInteger(context, `ring_hash_lb_config.${field}`, {
      value: value === undefined ? undefined : Number(value),
      absent,
      min: 1,
      max: maxTableSize,
    })
  const minimumSize = size('minimum_ring_size', given?.minimumRingSize, 1024)
  const maximumSize = size('maximum_ring_size', given?.maximumRingSize, maxTableSize)
  if (minimumSize > maximumSize) {
    const at = 'ring_hash_lb_config.minimum_ring_size'
    context.faults.add(at, `Expected at most maximum_ring_size (${maximumSize}), got ${minimumSize}`)
  }
  return { kind: 'ring-hash', minimumSize, maximumSize }
}

function tableSize(context: CompileContext, settings: Cluster['lbConfig']): number {
  const given = settings.case === 'maglevLbConfig' ? settings.value.tableSize : undefined
  const at = 'maglev_lb_config.table_size'
  const value = given === undefined ? undefined : Number(given)
  const size = boundedInteger(context, at, { value, absent: 65_537, min: 2, max: maxTableSize })
  if (!isPrime(size)) context.faults.add(at, `Expected a prime number, got ${size}`)
  return size
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false
  return value > 1
}
