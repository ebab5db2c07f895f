import type { BalancerConfig, EndpointPolicy, LocalityConfig } from '../config/index.ts'
import type { Balancer, BalancerParts } from './balancer.ts'
import { createBalancer, isConsistentHashing } from './create-balancer.ts'
import { type GroupedHost, groupByLocality, healthOf, type LocalityGroup } from './grouped-host.ts'
import { createWeightedSource, createZoneSource, type HostSource } from './locality-source.ts'
import { distributeLoad, type PriorityLoad } from './priority-load.ts'
import { type LocalCluster, zoneShares } from './zone-routing.ts'

/** How the hosts of a cluster are spread over. */
export interface SpreadSettings extends EndpointPolicy {
  /** Percent; 0: no panic mode. */
  readonly panicThreshold: number
  readonly locality: LocalityConfig | undefined
  /** For zone-aware routing; absent: no zone is preferred. */
  readonly local?: LocalCluster | undefined
  /** Share of a locality's weight that counts here, 0 to 1 (`scale_locality_weight` of subsets); 1 by default. */
  readonly localityScale?: ((locality: string, priority: number, hosts: number) => number) | undefined
}

/** Hosts that share of one priority, by kind of health: in this order the 100 percents are dealt. */
type Part = 'healthy' | 'degraded' | 'all'

/**
 * All hosts of a cluster (or of one subset): chooses a priority by load, a locality, and then a host by the cluster's policy.
 * What can be computed from the hosts is computed when they change; a pick is one draw of 100 more than the policy's own.
 */
export class PriorityBalancer<Host extends GroupedHost> {
  /** Hosts that a pick may give. */
  available: readonly Host[] = []
  readonly #config: BalancerConfig
  readonly #parts: BalancerParts
  readonly #onPanic: () => void
  /** Kept while their hosts stay: tables of consistent hashing are dear. */
  #balancers = new Map<string, Balancer<Host>>()
  #sources: HostSource<Host>[] = []
  #inPanic: boolean[] = []
  /** Source of each percent. */
  readonly #dealt = new Uint16Array(100)

  /** @param onPanic A pick was made without regard to health (Envoy's `lb_healthy_panic`). */
  constructor(config: BalancerConfig, parts: BalancerParts, onPanic: () => void = () => undefined) {
    this.#config = config
    this.#parts = parts
    this.#onPanic = onPanic
  }

  /** A host; undefined when there is none. With consistent hashing the hash chooses the priority too. */
  pick(hash?: bigint, attempt?: number): Host | undefined {
    let index = 0
    if (this.#sources.length > 1) {
      const percent =
        hash !== undefined && isConsistentHashing(this.#config)
          ? Number(hash % 100n)
          : Math.floor(this.#parts.random() * 100)
      index = this.#dealt[percent] ?? 0
    }
    if (this.#inPanic[index] === true) this.#onPanic()
    return this.#sources[index]?.pick(hash, attempt)
  }

  /** Replaces hosts and settings, or takes note that the health of hosts changed. */
  setHosts(hosts: readonly Host[], settings: SpreadSettings): void {
    const levels = byPriority(hosts)
    const counted = levels.map((level) => healthOf(level))
    const measured = settings.weightedPriorityHealth
      ? levels.map((level) => healthOf(level, ({ weight }) => weight))
      : counted
    const load = distributeLoad(measured, settings, counted)
    const build = new SourceBuild<Host>(settings, { config: this.#config, parts: this.#parts, kept: this.#balancers })
    this.#deal(levels, load, build)
    this.#balancers = build.used
    this.available = build.available
  }

  #deal(levels: readonly (readonly Host[])[], load: PriorityLoad, build: SourceBuild<Host>): void {
    this.#sources = []
    this.#inPanic = []
    let dealt = 0
    for (const part of ['healthy', 'degraded'] as const) {
      for (const [priority, hosts] of levels.entries()) {
        const share = load[part][priority] ?? 0
        if (share === 0) continue
        const inPanic = load.panic[priority] === true
        this.#inPanic.push(inPanic)
        this.#sources.push(build.source(hosts, priority, inPanic ? 'all' : part))
        this.#dealt.fill(this.#sources.length - 1, dealt, dealt + share)
        dealt += share
      }
    }
  }
}

interface BuildParts<Host extends GroupedHost> {
  readonly config: BalancerConfig
  readonly parts: BalancerParts
  readonly kept: ReadonlyMap<string, Balancer<Host>>
}

/** Makes the sources of one set of hosts. */
class SourceBuild<Host extends GroupedHost> {
  readonly used = new Map<string, Balancer<Host>>()
  readonly available: Host[] = []
  readonly #settings: SpreadSettings
  readonly #build: BuildParts<Host>

  constructor(settings: SpreadSettings, build: BuildParts<Host>) {
    this.#settings = settings
    this.#build = build
  }

  source(level: readonly Host[], priority: number, part: Part): HostSource<Host> {
    const { locality } = this.#settings
    const name = `${priority}/${part}`
    if (part === 'all') {
      const fails = locality?.kind === 'zone-aware' && locality.failTrafficOnPanic
      return this.#plain(name, fails ? [] : level)
    }
    if (part === 'degraded' && isConsistentHashing(this.#build.config)) {
      // As in Envoy, tables are made of healthy hosts; where it has none to give, degraded ones serve here.
      if (level.some(({ availability }) => availability === 'healthy')) return this.source(level, priority, 'healthy')
    }
    const hosts = level.filter(({ availability }) => availability === part)
    if (locality?.kind === 'weighted') return this.#weighted(name, level, hosts, priority)
    if (locality?.kind === 'zone-aware' && priority === 0) return this.#zoneAware(name, level, hosts, locality)
    return this.#plain(name, hosts)
  }

  #plain(name: string, hosts: readonly Host[]): Balancer<Host> {
    this.available.push(...hosts)
    return this.#balancer(name, hosts)
  }

  #balancer(name: string, hosts: readonly Host[], weights?: readonly number[]): Balancer<Host> {
    const { config, parts, kept } = this.#build
    const balancer = kept.get(name) ?? createBalancer<Host>(config, parts)
    balancer.setHosts(hosts, weights)
    this.used.set(name, balancer)
    return balancer
  }

  /** The weight of a locality shrinks as its hosts fall ill, by the same factor of overprovisioning as a priority's load. */
  #weighted(name: string, level: readonly Host[], hosts: readonly Host[], priority: number): HostSource<Host> {
    const counted = level.filter(({ excluded }) => excluded !== true)
    const all = new Map(groupByLocality(counted).map((group) => [group.locality, group.hosts.length]))
    const groups = groupByLocality(hosts)
    if (groups.every(({ weight }) => weight === 0)) return this.#plain(name, hosts)
    const scaled = groups.map((group) => this.#scaled(group, all.get(group.locality) ?? 0, priority))
    if (isConsistentHashing(this.#build.config)) return this.#weightedTable(name, scaled)
    const counting = scaled.filter(({ weight }) => weight > 0)
    for (const group of counting) this.available.push(...group.hosts)
    return createWeightedSource(
      counting.map((group) => ({
        balancer: this.#balancer(`${name}/${group.locality}`, group.hosts),
        weight: group.weight * this.#availabilityOf(group.hosts.length, all.get(group.locality) ?? 1),
      })),
      this.#build.parts.random,
    )
  }

  #scaled(group: LocalityGroup<Host>, total: number, priority: number): LocalityGroup<Host> {
    const scale = this.#settings.localityScale
    return scale === undefined
      ? group
      : { ...group, weight: Math.round(group.weight * scale(group.locality, priority, total)) }
  }

  #availabilityOf(hosts: number, total: number): number {
    return Math.min(1, (this.#settings.overprovisioningFactor / 100) * (hosts / total))
  }

  /** One table for all: a locality's share is divided among its hosts (in the very order of Envoy's operations, since keys at the edges of turns follow rounding). Its health does not count here, as in Envoy. */
  #weightedTable(name: string, groups: readonly LocalityGroup<Host>[]): HostSource<Host> {
    const hosts: Host[] = []
    const weights: number[] = []
    const all = groups.reduce((sum, { weight }) => sum + weight, 0)
    for (const group of groups) {
      if (group.weight === 0) continue
      const total = group.hosts.reduce((sum, { weight }) => sum + weight, 0)
      const share = group.weight / all
      for (const host of group.hosts) {
        hosts.push(host)
        weights.push((host.weight * share) / total)
      }
    }
    this.available.push(...hosts)
    return this.#balancer(name, hosts, weights)
  }

  #zoneAware(
    name: string,
    level: readonly Host[],
    hosts: readonly Host[],
    { minClusterSize, routingPercent }: Extract<LocalityConfig, { readonly kind: 'zone-aware' }>,
  ): HostSource<Host> {
    const all = this.#plain(name, hosts)
    const { local, panicThreshold } = this.#settings
    if (local === undefined || hosts.length < minClusterSize || local.healthPercent < panicThreshold) return all
    const groups = groupByLocality(hosts)
    const healthy = new Map(groups.map((group) => [group.locality, group.hosts.length]))
    const others = groupByLocality(level).filter(({ locality }) => locality !== local.locality && healthy.has(locality))
    const shares = zoneShares(
      local,
      healthy,
      others.map(({ locality }) => locality),
    )
    const own = groups.find(({ locality }) => locality === local.locality)
    if (shares === undefined || own === undefined) return all
    const balancerOf = (group: LocalityGroup<Host>): Balancer<Host> =>
      this.#balancer(
        `${name}/${group.locality}`,
        hosts.filter(({ locality }) => locality === group.locality),
      )
    return createZoneSource(
      { own: balancerOf(own), others: others.map(balancerOf), all, routingPercent },
      shares,
      this.#build.parts.random,
    )
  }
}

/** Hosts by priority; a priority that nobody has is empty. */
function byPriority<Host extends GroupedHost>(hosts: readonly Host[]): readonly (readonly Host[])[] {
  const last = hosts.reduce((highest, { priority }) => Math.max(highest, priority), 0)
  const levels = Array.from({ length: last + 1 }, (): Host[] => [])
  for (const host of hosts) levels[host.priority]?.push(host)
  return levels
}
