import type { SubsetMatch } from '../route/index.ts'

/** How one host is chosen among equals (`lb_policy`, or the policy of `load_balancing_policy`). */
export type BalancerConfig =
  | { readonly kind: 'round-robin'; readonly slowStart?: SlowStartConfig }
  | { readonly kind: 'random' }
  | LeastRequestConfig
  /** Entries of the ring; 1,024 at least by default. */
  | { readonly kind: 'ring-hash'; readonly minimumSize: number; readonly maximumSize: number }
  /** A prime; 65,537 by default. */
  | { readonly kind: 'maglev'; readonly tableSize: number }
  | PeakEwmaConfig
  | { readonly kind: 'original-dst' }

/** `LeastRequestLbConfig`. */
export interface LeastRequestConfig {
  readonly kind: 'least-request'
  /** Hosts drawn for each choice; 2 by default. */
  readonly choiceCount: number
  /** With unequal weights: a weight is divided by (requests in progress + 1) to this power; 1 by default. */
  readonly activeRequestBias?: number
  /** `FULL_SCAN`: all hosts are looked at, weights do not count. */
  readonly fullScan?: boolean
  readonly slowStart?: SlowStartConfig
}

/** `SlowStartConfig`: the weight of a new host grows over the window. */
export interface SlowStartConfig {
  /** Above 0. */
  readonly windowMs: number
  /** 1 (the default) grows in a line; above 1 faster at first. */
  readonly aggression: number
  /** Least share of the weight, 0 to 1; 0.1 by default. */
  readonly minWeight: number
}

/** `envoy.extensions.load_balancing_policies.peak_ewma.v3alpha.PeakEwma`. */
export interface PeakEwmaConfig {
  readonly kind: 'peak-ewma'
  /** An observation counts half after so long; 10 s by default. */
  readonly decayMs: number
  /** What a host without observations is taken for; 10 ms by default. */
  readonly defaultRttMs: number
  /** Cost of a host that has requests in progress and has answered none; 1,000,000 by default. */
  readonly penalty: number
}

/** How requests spread over priorities, localities and subsets before a host is chosen. */
export interface SpreadConfig {
  /** `healthy_panic_threshold`, percent; Envoy's default is 50. 0: no panic mode. */
  readonly panicThreshold: number
  readonly locality: LocalityConfig | undefined
  readonly subsets: SubsetConfig | undefined
}

/** `locality_weighted_lb_config` or `zone_aware_lb_config`. */
export type LocalityConfig =
  | { readonly kind: 'weighted' }
  | {
      readonly kind: 'zone-aware'
      /** Share of requests, 0 to 100; 100 by default. */
      readonly routingPercent: number
      /** Fewer healthy hosts of the cluster than this: no zone is preferred; 6 by default. */
      readonly minClusterSize: number
      /** In panic, requests fail rather than go to hosts that are known to be bad. */
      readonly failTrafficOnPanic: boolean
    }

/** `LbSubsetConfig`. */
export interface SubsetConfig {
  /** For requests whose metadata names no subset that has hosts. */
  readonly fallback: 'none' | 'any' | 'default'
  /** The subset of `DEFAULT_SUBSET`. */
  readonly defaultSubset: SubsetMatch
  readonly selectors: readonly SubsetSelector[]
  /** A list in the metadata of a host counts as each of its values. */
  readonly listAsAny: boolean
  /** When the fallback has no host to give, any host is taken. */
  readonly panicModeAny: boolean
  readonly localityWeightAware: boolean
  readonly scaleLocalityWeight: boolean
}

/** `LbSubsetSelector`. */
export interface SubsetSelector {
  /** In order of their names. */
  readonly keys: readonly string[]
  /** Undefined: that of the cluster. `keys`: the subset of `fallbackKeys` alone. */
  readonly fallback: 'none' | 'any' | 'default' | 'keys' | undefined
  readonly fallbackKeys: readonly string[]
}
