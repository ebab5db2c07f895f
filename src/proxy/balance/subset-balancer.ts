import type { BalancerConfig, SubsetConfig } from '../config/index.ts'
import { canonicalJson, type SubsetMatch, subsetOf } from '../route/index.ts'
import type { BalancerParts } from './balancer.ts'
import type { GroupedHost } from './grouped-host.ts'
import { PriorityBalancer, type SpreadSettings } from './priority-balancer.ts'

/** A host with what subsets are made by. */
export interface SubsetHost extends GroupedHost {
  /** `envoy.lb` metadata. */
  readonly subsetLabels: Readonly<Record<string, unknown>> | undefined
}

/** What a cluster's balancer is made of. */
export interface SubsetBalancerParts extends BalancerParts {
  readonly onPanic?: () => void
  /** Most subsets of one cluster; hosts that would make more are in no further one. */
  readonly maxSubsets: number
}

/** Key of the group that has all hosts. */
const anyKey = 'any'
/** Key of the group that the fallback `DEFAULT_SUBSET` names. */
const defaultKey = 'default'

/**
 * Envoy's subsets: for each selector, the hosts that have all of its keys, one group for each combination of values. A request whose
 * `metadata_match` has exactly the keys of a selector goes to the group of its values, if there is one; all others go by the
 * fallback. Each group is balanced by itself. Without a configuration there is one group, of all hosts.
 */
export class SubsetBalancer<Host extends SubsetHost> {
  readonly #balancing: BalancerConfig
  readonly #config: SubsetConfig | undefined
  readonly #parts: SubsetBalancerParts
  #groups = new Map<string, PriorityBalancer<Host>>()
  /** Answers of {@link select} by key of the match, since hosts last changed: as many as routes name. */
  readonly #selected = new Map<string, PriorityBalancer<Host> | undefined>()
  #unnamed: PriorityBalancer<Host> | undefined = undefined

  constructor(balancing: BalancerConfig, config: SubsetConfig | undefined, parts: SubsetBalancerParts) {
    this.#balancing = balancing
    this.#config = config
    this.#parts = parts
  }

  /** The hosts for a request; undefined: it must not go to any. */
  select(match: SubsetMatch | undefined): PriorityBalancer<Host> | undefined {
    if (match === undefined || this.#config === undefined) return this.#unnamed
    const known = this.#selected.get(match.key)
    if (known !== undefined || this.#selected.has(match.key)) return known
    const found = this.#find(this.#config, match)
    if (this.#selected.size < this.#parts.maxSubsets) this.#selected.set(match.key, found)
    return found
  }

  /** Replaces hosts and settings, or takes note that the health of hosts changed. */
  setHosts(hosts: readonly Host[], settings: SpreadSettings): void {
    this.#selected.clear()
    const old = this.#groups
    this.#groups = new Map()
    const members = new Map<string, readonly Host[]>([[anyKey, hosts]])
    if (this.#config !== undefined) {
      members.set(
        defaultKey,
        hosts.filter((host) => this.#isDefault(host)),
      )
      for (const [key, subset] of this.#subsetsOf(hosts, this.#config)) members.set(key, subset)
    }
    const within = this.#config === undefined ? settings : subsetSettings(settings, this.#config, hosts)
    for (const [key, subset] of members) {
      const group = old.get(key) ?? new PriorityBalancer<Host>(this.#balancing, this.#parts, this.#parts.onPanic)
      group.setHosts(subset, key === anyKey ? settings : within)
      this.#groups.set(key, group)
    }
    this.#unnamed = this.#config === undefined ? this.#groups.get(anyKey) : this.#fallback(this.#config)
  }

  #subsetsOf(hosts: readonly Host[], config: SubsetConfig): ReadonlyMap<string, Host[]> {
    const subsets = new Map<string, Host[]>()
    const seen = new Set<string>()
    for (const { keys } of config.selectors) {
      const name = JSON.stringify(keys)
      if (seen.has(name)) continue
      seen.add(name)
      for (const host of hosts) {
        for (const { key } of combinations(keys, host, config.listAsAny)) {
          const subset = subsets.get(key)
          if (subset === undefined) {
            if (subsets.size < this.#parts.maxSubsets) subsets.set(key, [host])
            // A list may name a value twice.
          } else if (subset.at(-1) !== host) subset.push(host)
        }
      }
    }
    return subsets
  }

  #isDefault(host: Host): boolean {
    const { entries } = this.#config?.defaultSubset ?? { entries: [] }
    return entries.every(([name, value]) => valuesOf(host, name, this.#config?.listAsAny === true).includes(value))
  }

  #find(config: SubsetConfig, match: SubsetMatch): PriorityBalancer<Host> | undefined {
    let wanted = match
    // Each step has fewer keys than the one before.
    for (;;) {
      const group = this.#groups.get(wanted.key)
      if (group !== undefined) return group
      const keys = wanted.entries.map(([key]) => key)
      const selector = config.selectors.find(
        (candidate) => candidate.fallback !== undefined && sameTexts(candidate.keys, keys),
      )
      switch (selector?.fallback) {
        case undefined:
          return this.#fallback(config)
        case 'none':
          return undefined
        case 'any':
          return this.#groups.get(anyKey)
        case 'default':
          return this.#groups.get(defaultKey)
        case 'keys':
          wanted = subsetOf(wanted.entries.filter(([key]) => selector.fallbackKeys.includes(key)))
          break
      }
    }
  }

  #fallback({ fallback, panicModeAny }: SubsetConfig): PriorityBalancer<Host> | undefined {
    const any = this.#groups.get(anyKey)
    const group = fallback === 'any' ? any : fallback === 'default' ? this.#groups.get(defaultKey) : undefined
    return panicModeAny && (group?.available.length ?? 0) === 0 ? any : group
  }
}

/** Weights of localities count in a subset only when it is said so. */
function subsetSettings(settings: SpreadSettings, config: SubsetConfig, hosts: readonly SubsetHost[]): SpreadSettings {
  if (settings.locality?.kind !== 'weighted') return settings
  if (!config.localityWeightAware) return { ...settings, locality: undefined }
  if (!config.scaleLocalityWeight) return settings
  const all = new Map<string, number>()
  const keyOf = (locality: string, priority: number): string => `${priority}/${locality}`
  for (const { locality, priority } of hosts) {
    const key = keyOf(locality, priority)
    all.set(key, (all.get(key) ?? 0) + 1)
  }
  return {
    ...settings,
    localityScale: (locality, priority, count) => count / (all.get(keyOf(locality, priority)) ?? count),
  }
}

/** Subsets that a host is in by these keys: none when it lacks one, several when a value is a list that counts as each of its items. */
function combinations(keys: readonly string[], host: SubsetHost, listAsAny: boolean): readonly SubsetMatch[] {
  let entries: (readonly (readonly [string, string])[])[] = [[]]
  for (const key of keys) {
    const values = valuesOf(host, key, listAsAny)
    entries = entries.flatMap((chosen) => values.map((value) => [...chosen, [key, value] as const]))
  }
  return entries.map((chosen) => subsetOf(chosen))
}

function valuesOf(host: SubsetHost, key: string, listAsAny: boolean): readonly string[] {
  const labels = host.subsetLabels
  if (labels === undefined || !Object.hasOwn(labels, key)) return []
  const value = labels[key]
  return listAsAny && Array.isArray(value) ? value.map(canonicalJson) : [canonicalJson(value)]
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index])
}
