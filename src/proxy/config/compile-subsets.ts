import type { JsonObject } from '@bufbuild/protobuf'
import {
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as Fallback,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy as SelectorFallback,
} from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { createSubsetMatch } from '../route/index.ts'
import type { SubsetConfig, SubsetSelector } from './balancing-config.ts'
import type { CompileContext } from './compile-context.ts'

/** `LbSubsetConfig` and the typed `Subset`: two messages with the same fields and the same numbers. */
export interface SubsetMessage {
  readonly fallbackPolicy: number
  readonly defaultSubset?: JsonObject | undefined
  readonly subsetSelectors: readonly SelectorMessage[]
  readonly listAsAny: boolean
  readonly panicModeAny: boolean
  readonly localityWeightAware: boolean
  readonly scaleLocalityWeight: boolean
}

interface SelectorMessage {
  readonly keys: readonly string[]
  readonly fallbackPolicy: number
  readonly fallbackKeysSubset: readonly string[]
}

/** Compiles `lb_subset_config`; undefined when it makes no subset. */
export function compileSubsets(
  context: CompileContext,
  path: string,
  message: SubsetMessage | undefined,
): SubsetConfig | undefined {
  // Envoy takes a configuration without selectors for none, whatever its fallback says.
  if (message === undefined || message.subsetSelectors.length === 0) return undefined
  return {
    fallback: fallbacks.get(message.fallbackPolicy) ?? 'none',
    defaultSubset: createSubsetMatch(message.defaultSubset ?? {}),
    selectors: message.subsetSelectors.map((selector, index) =>
      compileSelector(context, `${path}.subset_selectors[${index}]`, selector),
    ),
    listAsAny: message.listAsAny,
    panicModeAny: message.panicModeAny,
    localityWeightAware: message.localityWeightAware,
    scaleLocalityWeight: message.scaleLocalityWeight,
  }
}

const fallbacks: ReadonlyMap<number, SubsetConfig['fallback']> = new Map([
  [Fallback.NO_FALLBACK, 'none'],
  [Fallback.ANY_ENDPOINT, 'any'],
  [Fallback.DEFAULT_SUBSET, 'default'],
])

const selectorFallbacks: ReadonlyMap<number, SubsetSelector['fallback']> = new Map([
  [SelectorFallback.NO_FALLBACK, 'none'],
  [SelectorFallback.ANY_ENDPOINT, 'any'],
  [SelectorFallback.DEFAULT_SUBSET, 'default'],
  [SelectorFallback.KEYS_SUBSET, 'keys'],
])

function compileSelector(context: CompileContext, path: string, message: SelectorMessage): SubsetSelector {
  const keys = [...new Set(message.keys)].toSorted()
  const fallbackKeys = [...new Set(message.fallbackKeysSubset)].toSorted()
  if (keys.length === 0) context.faults.add(`${path}.keys`, 'Expected at least one key')
  const fallback = selectorFallbacks.get(message.fallbackPolicy)
  if (fallback !== 'keys' && fallbackKeys.length > 0)
    context.faults.add(`${path}.fallback_keys_subset`, 'Expected with fallback_policy KEYS_SUBSET only')
  // Fewer keys at each step: otherwise falling back would have no end.
  if (
    fallback === 'keys' &&
    (fallbackKeys.length === 0 ||
      fallbackKeys.length >= keys.length ||
      !fallbackKeys.every((key) => keys.includes(key)))
  )
    context.faults.add(`${path}.fallback_keys_subset`, 'Expected some of keys, and not all of them')
  return { keys, fallback, fallbackKeys }
}
