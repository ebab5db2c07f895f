import { create, type DescMessage, fromJson, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import type { LoadBalancingPolicy } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterProvidedSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.ts'
import type { LocalityLbConfig } from '../../xds/generated/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import {
  LeastRequestSchema,
  LeastRequest_SelectionMethod,
} from '../../xds/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import { MaglevSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { RandomSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import { RingHashSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { RoundRobinSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import { SubsetSchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts'
import { WrrLocalitySchema } from '../../xds/generated/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts'
import { TypedStructSchema, type TypedStruct } from '../../xds/generated/xds/type/v3/typed_struct_pb.ts'
import { anyTypes, unpackAny } from './any-types.ts'
import type { BalancerConfig, LocalityConfig, SubsetConfig } from './balancing-config.ts'
import { leastRequest, maglev, ringHash, roundRobin, zoneAware } from './compile-balancer.ts'
import type { CompileContext } from './compile-context.ts'
import { compilePeakEwma, peakEwmaType } from './compile-peak-ewma.ts'
import { compileSubsets } from './compile-subsets.ts'
import { checkSupport } from './support-check.ts'
import { supportedFields } from './supported-fields.ts'

/** A policy of `load_balancing_policy`, compiled. */
export interface TypedPolicy {
  readonly balancer: BalancerConfig
  readonly locality: LocalityConfig | undefined
  readonly subsets?: SubsetConfig | undefined
}

const noPolicy: TypedPolicy = { balancer: { kind: 'round-robin' }, locality: undefined }

/** Nesting of policies that wrap others; nobody has a use for more than one. */
const maxNesting = 4

/** Compiles the first policy of the list that this proxy knows: a list is an offer, in order of preference (Envoy's meaning). */
export function compileTypedPolicy(
  context: CompileContext,
  path: string,
  message: LoadBalancingPolicy,
  nesting = 0,
): TypedPolicy {
  for (const [index, { typedExtensionConfig }] of message.policies.entries()) {
    const at = `${path}.policies[${index}].typed_extension_config.typed_config`
    const any = decodedStruct(context, at, typedExtensionConfig?.typedConfig)
    const policy = compilePolicy({ context, path: at, any, nesting })
    if (policy !== undefined) return policy
  }
  const offered = message.policies.map(({ typedExtensionConfig }) => nameOf(typedExtensionConfig?.typedConfig))
  const names = offered.length === 0 ? 'none' : offered.join(', ')
  context.faults.add(`${path}.policies`, `Expected a policy that this proxy implements, got ${names}`)
  return noPolicy
}

/** A message that came as a `TypedStruct`, as itself; everything else as it is. */
function decodedStruct(context: CompileContext, path: string, any: Any | undefined): Any | undefined {
  const struct = unpackAny(any, TypedStructSchema)
  const type = struct === undefined ? undefined : anyTypes.getMessage(messageName(struct))
  if (struct === undefined || type === undefined) return any
  try {
    const message = fromJson(type, struct.value ?? {}, { registry: anyTypes })
    return create(AnySchema, { typeUrl: struct.typeUrl, value: toBinary(type, message) })
  } catch (cause) {
    context.faults.add(`${path}.value`, cause instanceof Error ? cause.message : String(cause))
    return any
  }
}

function messageName({ typeUrl }: TypedStruct): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}

function nameOf(any: Any | undefined): string {
  const struct = unpackAny(any, TypedStructSchema)
  return struct?.typeUrl ?? any?.typeUrl ?? 'a policy without typed_config'
}

interface PolicyField {
  readonly context: CompileContext
  readonly path: string
  readonly any: Any | undefined
  readonly nesting: number
}

/** Undefined for a policy that this proxy does not know. */
function compilePolicy(field: PolicyField): TypedPolicy | undefined {
  const { context, path } = field
  const roundRobinPolicy = checked(field, RoundRobinSchema)
  if (roundRobinPolicy !== undefined) {
    const locality = localityOf(context, path, roundRobinPolicy.localityLbConfig)
    return { balancer: roundRobin(context, path, roundRobinPolicy), locality }
  }
  const random = checked(field, RandomSchema)
  if (random !== undefined)
    return { balancer: { kind: 'random' }, locality: localityOf(context, path, random.localityLbConfig) }
  const least = checked(field, LeastRequestSchema)
  if (least !== undefined) {
    const fullScan = least.selectionMethod === LeastRequest_SelectionMethod.FULL_SCAN
    const balancer = { ...leastRequest(context, path, least), ...(fullScan ? { fullScan } : {}) }
    return { balancer, locality: localityOf(context, path, least.localityLbConfig) }
  }
  const ring = checked(field, RingHashSchema)
  if (ring !== undefined)
    return { balancer: ringHash(context, path, ring), locality: weightedLocality(ring.localityWeightedLbConfig) }
  const table = checked(field, MaglevSchema)
  if (table !== undefined)
    return { balancer: maglev(context, path, table), locality: weightedLocality(table.localityWeightedLbConfig) }
  if (checked(field, ClusterProvidedSchema) !== undefined)
    return { balancer: { kind: 'original-dst' }, locality: undefined }
  return compileWrapped(field)
}

function compileWrapped(field: PolicyField): TypedPolicy | undefined {
  const { context, path, nesting } = field
  const struct = unpackAny(field.any, TypedStructSchema)
  if (struct !== undefined && messageName(struct) === peakEwmaType)
    return { balancer: compilePeakEwma(context, `${path}.value`, struct.value ?? {}), locality: undefined }
  const wrr = checked(field, WrrLocalitySchema)
  if (wrr !== undefined) {
    const at = `${path}.endpoint_picking_policy`
    const inner = innerPolicy(context, at, wrr.endpointPickingPolicy, nesting)
    if (inner.locality !== undefined || inner.subsets !== undefined)
      context.faults.add(at, 'Expected a policy without settings for localities and subsets')
    return { balancer: inner.balancer, locality: { kind: 'weighted' } }
  }
  const subset = checked(field, SubsetSchema)
  if (subset === undefined) return undefined
  const at = `${path}.subset_lb_policy`
  const inner = innerPolicy(context, at, subset.subsetLbPolicy, nesting)
  if (inner.subsets !== undefined) context.faults.add(at, 'Expected a policy without subsets')
  return { ...inner, subsets: compileSubsets(context, path, subset) }
}

function innerPolicy(
  context: CompileContext,
  path: string,
  message: LoadBalancingPolicy | undefined,
  nesting: number,
): TypedPolicy {
  if (message !== undefined && nesting < maxNesting) return compileTypedPolicy(context, path, message, nesting + 1)
  context.faults.add(path, `Expected a policy, nested at most ${maxNesting} deep`)
  return noPolicy
}

/** The policy as this message, its fields checked; undefined when it is another one. */
function checked<Desc extends DescMessage>(field: PolicyField, schema: Desc): MessageShape<Desc> | undefined {
  const message = unpackAny(field.any, schema)
  if (message !== undefined)
    checkSupport(schema, message, { table: supportedFields, faults: field.context.faults, path: field.path })
  return message
}

function localityOf(
  context: CompileContext,
  path: string,
  message: LocalityLbConfig | undefined,
): LocalityConfig | undefined {
  const choice = message?.localityConfigSpecifier
  const at = `${path}.locality_lb_config`
  if (choice?.case === 'localityWeightedLbConfig') return { kind: 'weighted' }
  if (choice?.case === 'zoneAwareLbConfig') return zoneAware(context, `${at}.zone_aware_lb_config`, choice.value)
  if (message !== undefined) context.faults.add(at, 'Expected zone_aware_lb_config or locality_weighted_lb_config')
  return undefined
}

function weightedLocality(message: object | undefined): LocalityConfig | undefined {
  return message === undefined ? undefined : { kind: 'weighted' }
}
