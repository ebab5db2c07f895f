import { createResponseClasses } from '../../telemetry/index.ts'
import { healthOf, type LocalCluster, PeakLatency, pickAvoiding, SubsetBalancer } from '../balance/index.ts'
import type { ClusterConfig, EndpointConfig, EndpointPolicy } from '../config/index.ts'
import type { SubsetMatch } from '../route/index.ts'
import { ActiveHealth, type CheckResult } from './active-health.ts'
import { ClusterGauge, createClusterStats } from './cluster-stats.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { ClusterRuntime, ClusterStats, EndpointRuntime, PreviousHosts } from './contract.ts'
import { endpointKey, EndpointPool } from './endpoint-pool.ts'
import { Membership } from './membership.ts'
import { PassiveHealth } from './passive-health.ts'

/** Envoy's. */
const defaultPolicy: EndpointPolicy = { overprovisioningFactor: 140, weightedPriorityHealth: false }

/** A cluster at run time; see {@link ClusterRuntime}. Discovery hands in endpoints by {@link Cluster.setEndpoints}. */
export class Cluster implements ClusterRuntime {
  activeRetries = 0
  config: ClusterConfig
  readonly stats: ClusterStats
  readonly countResponse: (status: number) => void
  readonly #services: ClusterServices
  readonly #connections: ClusterGauge
  readonly #active: ClusterGauge
  readonly #pending: ClusterGauge
  #balancer: SubsetBalancer<EndpointPool>
  #pools = new Map<string, EndpointPool>()
  /** Those that might take new work when hosts or their health changed last. */
  #fit: readonly EndpointPool[] = []
  #policy: EndpointPolicy = defaultPolicy
  #local: LocalCluster | undefined = undefined
  #health: PassiveHealth | undefined = undefined
  /** Is told when endpoints came, went or changed their health. */
  onHostsChanged: (() => void) | undefined = undefined
  #checks: ActiveHealth<EndpointPool> | undefined = undefined
  readonly #membership: Membership
  /** Discovery has not named endpoints yet. */
  #undiscovered = true
  /** Endpoints held back by the limit of connections, in the order in which they began to wait. */
  readonly #waiting = new Set<EndpointPool>()

  constructor(config: ClusterConfig, services: ClusterServices) {
    this.config = config
    this.#services = services
    const { telemetry } = services
    this.stats = createClusterStats(telemetry, config.name)
    this.#connections = new ClusterGauge(telemetry, config.name, 'upstream_cx_active')
    this.#active = new ClusterGauge(telemetry, config.name, 'upstream_rq_active')
    this.#pending = new ClusterGauge(telemetry, config.name, 'upstream_rq_pending_active')
    const labels = { envoy_cluster_name: config.name }
    this.countResponse = createResponseClasses(telemetry, 'envoy_cluster_upstream_rq_xx', labels)
    this.#balancer = this.#createBalancer()
    this.#membership = new Membership(telemetry, config.name)
    this.#watchHealth()
  }

  /** Its endpoints are checked, and not all that it began with were checked once: it takes no requests yet. */
  get warming(): boolean {
    return this.#checks !== undefined && (this.#undiscovered || this.#checks.warming)
  }

  get connections(): number {
    return this.#connections.value
  }

  get pendingRequests(): number {
    return this.#pending.value
  }

  get activeRequests(): number {
    return this.#active.value
  }

  set activeRequests(count: number) {
    this.#active.add(count - this.#active.value)
  }

  get endpoints(): Iterable<EndpointPool> {
    return this.#pools.values()
  }

  pick(
    previous: PreviousHosts | undefined,
    originalDestination: string,
    hash?: bigint,
    subset?: SubsetMatch,
  ): EndpointRuntime | undefined {
    if (this.config.discovery === 'original-dst') return this.#pickOriginal(originalDestination)
    const group = this.#balancer.select(subset)
    if (group === undefined || previous === undefined) return group?.pick(hash)
    return pickAvoiding<EndpointPool>(group, group.available, previous, hash)
  }

  endpointAt(authority: string): EndpointRuntime | undefined {
    const pool = this.config.discovery === 'original-dst' ? undefined : this.#pools.get(authority)
    return pool?.availability === 'unhealthy' ? undefined : pool
  }

  /** What zone-aware routing of others goes by when this is the local cluster. */
  localCluster(locality: string): LocalCluster {
    const first = [...this.#pools.values()].filter(({ priority }) => priority === 0)
    const healthy = new Map<string, number>()
    for (const pool of first)
      if (pool.availability === 'healthy') healthy.set(pool.locality, (healthy.get(pool.locality) ?? 0) + 1)
    const counts = healthOf(first)
    const healthPercent = counts.total === 0 ? 0 : (100 * (counts.healthy + counts.degraded)) / counts.total
    return { locality, healthy, healthPercent }
  }

  /** Callers of this cluster by locality; only zone-aware routing looks at them. */
  setLocal(local: LocalCluster): void {
    this.#local = local
    if (this.config.spread?.locality?.kind === 'zone-aware') this.#regroup()
  }

  admitsPool(endpoint: EndpointRuntime): boolean {
    const { maxConnectionPools } = this.config.limits
    if (maxConnectionPools === undefined) return true
    let inUse = 0
    for (const pool of this.#pools.values()) {
      if (!pool.inUse) continue
      if (pool === endpoint) return true
      inUse += 1
    }
    if (inUse < maxConnectionPools) return true
    this.stats.upstream_cx_pool_overflow += 1
    return false
  }

  /** Swaps the configuration; pools and counters live on. */
  reconfigure(config: ClusterConfig): void {
    const old = this.config
    this.config = config
    const { balancer, spread } = config
    if (!Bun.deepEquals([old.balancer, old.spread], [balancer, spread], true)) {
      this.#balancer = this.#createBalancer()
      for (const pool of this.#pools.values()) pool.latency = this.#latency(undefined)
      this.#regroup()
    }
    if (
      !Bun.deepEquals(old.tls, config.tls, true) ||
      old.proxyProtocol !== config.proxyProtocol ||
      !Bun.deepEquals(old.transportMatches, config.transportMatches, true)
    )
      for (const pool of this.#pools.values()) {
        pool.renewTransport()
        this.#checks?.renew(pool)
      }
    if (!Bun.deepEquals(old.destination, config.destination, true))
      for (const pool of this.#pools.values()) pool.series.clear()
    this.#watchHealth()
    // The limit of connections may be higher now.
    this.#openForWaiting()
  }

  /** Replaces the endpoints. The runtime of an address that stays is kept; idle connections of one that goes are closed. */
  setEndpoints(endpoints: readonly EndpointConfig[], policy: EndpointPolicy = defaultPolicy): void {
    this.#policy = policy
    const old = this.#pools
    const pools = new Map<string, EndpointPool>()
    for (const config of endpoints) {
      const key = endpointKey(config)
      if (pools.has(key)) continue
      const kept = old.get(key)
      if (kept !== undefined) this.#reconfigureEndpoint(kept, config)
      const pool = kept ?? new EndpointPool(this, config, this.#services)
      pool.latency = this.#latency(pool.latency)
      pools.set(key, pool)
    }
    for (const [key, pool] of old) {
      if (pools.has(key)) continue
      pool.health.pendingRemoval = this.#staysWhilePassing(pool)
      if (pool.health.pendingRemoval) pools.set(key, pool)
      else pool.retire()
    }
    this.#pools = pools
    this.#undiscovered = false
    this.#watchEndpoints()
  }

  /** Drops all endpoints, whatever their health: what comes next has nothing to do with them. */
  clearEndpoints(): void {
    for (const pool of this.#pools.values()) pool.retire()
    this.#pools = new Map()
    this.#undiscovered = true
    this.#watchEndpoints()
  }

  /** The cluster is removed: active connections finish, no idle one stays. */
  retire(): void {
    for (const pool of this.#pools.values()) pool.retire()
    this.#health?.stop()
    this.#health = undefined
    this.#checks?.stop()
    this.#checks = undefined
    this.#pools = new Map()
    this.#regroup()
  }

  /** No timer stays armed. */
  close(): void {
    this.#health?.pause()
    this.#checks?.stop()
    this.#checks = undefined
    for (const pool of this.#pools.values()) pool.closeIdle()
  }

  onConnectionOpening(): void {
    this.#connections.add(1)
    this.stats.upstream_cx_total += 1
  }

  onConnectionReleased(): void {
    this.#connections.add(-1)
    if (this.#waiting.size > 0) this.#openForWaiting()
  }

  /** A UDP session began (1) or ended (-1); it takes a connection of the limit. */
  onUdpSession(difference: 1 | -1): void {
    this.#connections.add(difference)
    if (difference < 0 && this.#waiting.size > 0) this.#openForWaiting()
  }

  onPending(): void {
    this.#pending.add(1)
    this.stats.upstream_rq_pending_total += 1
  }

  onPendingOver(): void {
    this.#pending.add(-1)
  }

  /** Notes whether an endpoint has requests for which no connection is open or opening, because the limit is reached. */
  setWaiting(pool: EndpointPool, waits: boolean): void {
    if (waits) this.#waiting.add(pool)
    else if (this.#waiting.size > 0) this.#waiting.delete(pool)
  }

  /** Endpoints or their health changed: says anew who gets what. */
  #regroup(): void {
    const pools = [...this.#pools.values()]
    const { panicThreshold = 0, locality } = this.config.spread ?? {}
    this.#balancer.setHosts(pools, {
      ...this.#policy,
      panicThreshold,
      locality,
      local: this.#local,
    })
    this.#membership.update(pools)
    for (const pool of this.#fit)
      if (pool.health.failing) pool.onHealthFailure(this.config.closeOnHealthFailure === true)
    this.#fit = pools.filter(({ availability }) => availability !== 'unhealthy')
    this.onHostsChanged?.()
  }

  #createBalancer(): SubsetBalancer<EndpointPool> {
    const { balancer, spread } = this.config
    const { clock, limits, random } = this.#services
    return new SubsetBalancer<EndpointPool>(balancer, spread?.subsets, {
      random,
      now: () => clock.monotonic(),
      maxSubsets: limits.subsets,
      onPanic: () => {
        this.stats.lb_healthy_panic += 1
      },
    })
  }

  #latency(known: PeakLatency | undefined): PeakLatency | undefined {
    const { balancer } = this.config
    return balancer.kind === 'peak-ewma' ? (known ?? new PeakLatency(balancer.decayMs)) : undefined
  }

  #watchEndpoints(): void {
    this.#health?.watch(this.#pools.values())
    if (!this.#undiscovered) this.#checks?.watch(this.#pools.values(), { serving: false })
    this.#regroup()
  }

  #reconfigureEndpoint(pool: EndpointPool, config: EndpointConfig): void {
    const old = pool.config
    pool.reconfigure(config)
    pool.health.pendingRemoval = false
    const isSame =
      Bun.deepEquals(old.healthCheck, config.healthCheck, true) &&
      Bun.deepEquals(old.transportLabels, config.transportLabels, true)
    if (!isSame) this.#checks?.renew(pool)
  }

  /** What discovery no longer names may be discovery's error: while it passes its checks it stays (Envoy, unless `ignore_health_on_host_removal`). */
  #staysWhilePassing(pool: EndpointPool): boolean {
    const { discovery, ignoreHealthOnRemoval } = this.config
    if (pool.checks === undefined || discovery === 'static' || ignoreHealthOnRemoval === true) return false
    return !pool.health.failedActive && pool.config.health !== 'unhealthy'
  }

  #onCheckResult(pool: EndpointPool, { passed, changed, recovered }: CheckResult): void {
    // Slow start begins when the endpoint may take requests, not when it was named.
    if (recovered) pool.since = this.#services.clock.monotonic()
    if (passed) this.#health?.onCheckPassed(pool)
    if (pool.health.failedActive && pool.health.pendingRemoval) {
      this.#pools.delete(pool.authority)
      pool.retire()
      this.#watchEndpoints()
    } else if (changed) this.#regroup()
  }

  /** Begins, changes or ends outlier detection and active checks, as the configuration says. */
  #watchHealth(): void {
    this.#watchPassively()
    const { healthCheck } = this.config
    if (healthCheck === undefined) {
      if (this.#checks === undefined) return
      this.#checks.stop()
      this.#checks = undefined
      this.#regroup()
    } else if (this.#checks === undefined) {
      this.#checks = new ActiveHealth(healthCheck, {
        cluster: () => this.config,
        services: this.#services,
        hasTraffic: () => this.stats.upstream_cx_total > 0,
        onResult: (pool, result) => this.#onCheckResult(pool, result),
        onWarm: () => this.#services.onClusterWarm?.(),
      })
      // Endpoints that are in use already stay so until they are checked.
      if (!this.#undiscovered) this.#checks.watch(this.#pools.values(), { serving: true })
    } else this.#checks.reconfigure(healthCheck)
  }

  #watchPassively(): void {
    const { outlierDetection, name } = this.config
    if (outlierDetection !== undefined) {
      this.#health ??= new PassiveHealth(outlierDetection, {
        cluster: name,
        services: this.#services,
        onChange: () => this.#regroup(),
      })
      this.#health.reconfigure(outlierDetection)
      this.#health.watch(this.#pools.values())
    } else if (this.#health !== undefined) {
      this.#health.stop()
      this.#health = undefined
      this.#regroup()
    }
  }

  /** Whoever began to wait first opens first. */
  #openForWaiting(): void {
    for (const pool of this.#waiting) pool.openForPending()
  }

  /** The endpoint is the address that the client meant (Envoy `ORIGINAL_DST`). None when it is not known, or is ourselves. */
  #pickOriginal(destination: string): EndpointRuntime | undefined {
    const known = this.#pools.get(destination)
    if (known !== undefined) return known
    const address = parseAuthority(destination)
    if (address === undefined || this.#services.isOwnListener(address.address, address.port)) return undefined
    if (this.#pools.size >= this.#services.limits.originalDestinations && !this.#forgetUnused()) return undefined
    const config: EndpointConfig = {
      ...address,
      weight: 1,
      health: 'healthy',
      transportLabels: new Map(),
      workload: undefined,
    }
    const pool = new EndpointPool(this, config, this.#services)
    this.#pools.set(destination, pool)
    return pool
  }

  #forgetUnused(): boolean {
    for (const [key, pool] of this.#pools) {
      if (pool.connections > pool.idleConnections) continue
      pool.retire()
      this.#pools.delete(key)
      return true
    }
    return false
  }
}

function parseAuthority(text: string): { readonly address: string; readonly port: number } | undefined {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text)
  const address = parts?.[1] ?? parts?.[2]
  const port = Number(parts?.[3])
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port }
}
