import type {
  Cluster_CommonLbConfig_ZoneAwareLbConfig,
  Cluster_SlowStartConfig,
} from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import type { RuntimeDouble } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type { SlowStartConfig as TypedSlowStart } from '../../xds/generated/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import type { BalancerConfig, LeastRequestConfig, LocalityConfig, SlowStartConfig } from './balancing-config.ts'
import type { CompileContext } from './compile-context.ts'
import { boundedInteger, durationMs, percentOf } from './field-values.ts'

/** Most entries of a ring or Maglev table: they are built between two requests, on a processor that has others to serve. */
const maxTableSize = 1_048_576

/** Settings of round robin that the old and the typed message share. */
export function roundRobin(
  context: CompileContext,
  path: string,
  settings: { readonly slowStartConfig?: SlowStart | undefined } | undefined,
): BalancerConfig {
  return { kind: 'round-robin', ...slowStart(context, path, settings?.slowStartConfig) }
}

/** Settings of least request that the old and the typed message share. */
export function leastRequest(
  context: CompileContext,
  path: string,
  settings:
    | {
        readonly choiceCount?: number | undefined
        readonly activeRequestBias?: RuntimeDouble | undefined
        readonly slowStartConfig?: SlowStart | undefined
      }
    | undefined,
): LeastRequestConfig {
  const bias = settings?.activeRequestBias?.defaultValue
  if (bias !== undefined && !(bias >= 0 && bias <= 1000))
    context.faults.add(`${path}.active_request_bias.default_value`, `Expected a number from 0 to 1000, got ${bias}`)
  return {
    kind: 'least-request',
    choiceCount: boundedInteger(context, `${path}.choice_count`, {
      value: settings?.choiceCount,
      absent: 2,
      min: 2,
      max: 1024,
    }),
    ...(bias === undefined || bias === 1 ? {} : { activeRequestBias: bias }),
    ...slowStart(context, path, settings?.slowStartConfig),
  }
}

/** Settings of ring hash that the old and the typed message share. */
export function ringHash(
  context: CompileContext,
  path: string,
  settings:
    { readonly minimumRingSize?: bigint | undefined; readonly maximumRingSize?: bigint | undefined } | undefined,
): BalancerConfig {
  const size = (field: string, value: bigint | undefined, absent: number): number =>
    boundedInteger(context, `${path}.${field}`, {
      value: value === undefined ? undefined : Number(value),
      absent,
      min: 1,
      max: maxTableSize,
    })
  const minimumSize = size('minimum_ring_size', settings?.minimumRingSize, 1024)
  const maximumSize = size('maximum_ring_size', settings?.maximumRingSize, maxTableSize)
  if (minimumSize > maximumSize) {
    const at = `${path}.minimum_ring_size`
    context.faults.add(at, `Expected at most maximum_ring_size (${maximumSize}), got ${minimumSize}`)
  }
  return { kind: 'ring-hash', minimumSize, maximumSize }
}

/** Settings of Maglev that the old and the typed message share. */
export function maglev(
  context: CompileContext,
  path: string,
  settings: { readonly tableSize?: bigint | undefined } | undefined,
): BalancerConfig {
  const given = settings?.tableSize
  const at = `${path}.table_size`
  const value = given === undefined ? undefined : Number(given)
  const tableSize = boundedInteger(context, at, { value, absent: 65_537, min: 2, max: maxTableSize })
  if (!isPrime(tableSize)) context.faults.add(at, `Expected a prime number, got ${tableSize}`)
  return { kind: 'maglev', tableSize }
}

/** Settings of zone-aware routing that the old and the typed message share. */
export function zoneAware(
  context: CompileContext,
  path: string,
  message: Pick<Cluster_CommonLbConfig_ZoneAwareLbConfig, 'routingEnabled' | 'minClusterSize' | 'failTrafficOnPanic'>,
): LocalityConfig {
  const { minClusterSize } = message
  return {
    kind: 'zone-aware',
    routingPercent: percentOf(context, `${path}.routing_enabled`, { value: message.routingEnabled, absent: 100 }),
    minClusterSize: boundedInteger(context, `${path}.min_cluster_size`, {
      value: minClusterSize === undefined ? undefined : Number(minClusterSize),
      absent: 6,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    }),
    failTrafficOnPanic: message.failTrafficOnPanic,
  }
}

type SlowStart = Pick<Cluster_SlowStartConfig | TypedSlowStart, 'slowStartWindow' | 'aggression' | 'minWeightPercent'>

function slowStart(
  context: CompileContext,
  path: string,
  settings: SlowStart | undefined,
): { readonly slowStart?: SlowStartConfig } {
  if (settings === undefined) return {}
  const at = `${path}.slow_start_config`
  const windowMs = durationMs(context, `${at}.slow_start_window`, { value: settings.slowStartWindow, absent: 0 })
  const aggression = settings.aggression?.defaultValue ?? 1
  if (!(aggression > 0 && aggression <= 1000))
    context.faults.add(`${at}.aggression.default_value`, `Expected a number above 0, up to 1000, got ${aggression}`)
  const percent = percentOf(context, `${at}.min_weight_percent`, { value: settings.minWeightPercent, absent: 10 })
  // Envoy's meaning of a window of nothing: no slow start.
  return windowMs === 0 ? {} : { slowStart: { windowMs, aggression, minWeight: percent / 100 } }
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false
  return value > 1
}
