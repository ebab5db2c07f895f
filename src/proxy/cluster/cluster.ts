import { availableHosts, type Balancer, createBalancer, pickAvoiding } from '../balance/index.ts'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import { createClusterStats } from './cluster-stats.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { ClusterRuntime, ClusterStats, EndpointRuntime } from './contract.ts'
import { endpointKey, EndpointPool } from './endpoint-pool.ts'

/** Most addresses that an original-destination cluster remembers; those without connections make room for new ones. */
const ORIGINAL_DESTINATIONS = 4096

/** A cluster at run time; see {@link ClusterRuntime}. Discovery hands in endpoints by {@link Cluster.setEndpoints}. */
export class Cluster implements ClusterRuntime {
  activeRequests = 0
  pendingRequests = 0
  activeRetries = 0
  connections = 0
  config: ClusterConfig
  readonly stats: ClusterStats
  readonly #services: ClusterServices
  #activeConnections: { value: number } | undefined
  #balancer: Balancer<EndpointPool>
  #pools = new Map<string, EndpointPool>()
  #available: readonly EndpointPool[] = []

  constructor(config: ClusterConfig, services: ClusterServices) {
    this.config = config
    this.#services = services
    this.stats = createClusterStats(services.telemetry, config.name)
    this.#balancer = createBalancer(config.balancer, services.random)
  }

  get endpoints(): Iterable<EndpointPool> {
    return this.#pools.values()
  }

  pick(avoid: EndpointRuntime | undefined, originalDestination: string): EndpointRuntime | undefined {
    if (this.config.discovery === 'original-dst') return this.#pickOriginal(originalDestination)
    return pickAvoiding(this.#balancer, this.#available, avoid instanceof EndpointPool ? avoid : undefined)
  }

  /** Swaps the configuration; pools and counters live on. */
  reconfigure(config: ClusterConfig): void {
    const old = this.config
    this.config = config
    if (!Bun.deepEquals(old.balancer, config.balancer, true)) {
      this.#balancer = createBalancer(config.balancer, this.#services.random)
      this.#balancer.setHosts(this.#available)
    }
    if (
      !Bun.deepEquals(old.tls, config.tls, true) ||
      !Bun.deepEquals(old.transportMatches, config.transportMatches, true)
    )
      for (const pool of this.#pools.values()) pool.renewTransport()
    if (!Bun.deepEquals(old.destination, config.destination, true))
      for (const pool of this.#pools.values()) pool.series.clear()
  }

  /** Replaces the endpoints. The runtime of an address that stays is kept; idle connections of one that goes are closed. */
  setEndpoints(endpoints: readonly EndpointConfig[]): void {
    const old = this.#pools
    const pools = new Map<string, EndpointPool>()
    for (const config of endpoints) {
      const key = endpointKey(config)
      if (pools.has(key)) continue
      const kept = old.get(key)
      kept?.reconfigure(config)
      pools.set(key, kept ?? new EndpointPool(this, config, this.#services))
    }
    for (const [key, pool] of old) if (!pools.has(key)) pool.retire()
    this.#pools = pools
    this.#available = availableHosts([...pools.values()])
    this.#balancer.setHosts(this.#available)
  }

  /** The cluster is removed: active connections finish, no idle one stays. */
  retire(): void {
    for (const pool of this.#pools.values()) pool.retire()
    this.#available = []
    this.#balancer.setHosts([])
  }

  closeIdle(): void {
    for (const pool of this.#pools.values()) pool.closeIdle()
  }

  onConnectionOpening(): void {
    this.connections += 1
    this.#activeConnections ??= this.#services.telemetry.gauge('envoy_cluster_upstream_cx_active', {
      envoy_cluster_name: this.config.name,
    })
    this.#activeConnections.value += 1
    this.stats.upstream_cx_total += 1
  }

  onConnectionReleased(): void {
    this.connections -= 1
    if (this.#activeConnections !== undefined) this.#activeConnections.value -= 1
  }

  /** The endpoint is the address that the client meant (Envoy `ORIGINAL_DST`). None when it is not known, or is ourselves. */
  #pickOriginal(destination: string): EndpointRuntime | undefined {
    const known = this.#pools.get(destination)
    if (known !== undefined) return known
    const address = parseAuthority(destination)
    if (address === undefined || this.#services.isOwnListener(address.address, address.port)) return undefined
    if (this.#pools.size >= ORIGINAL_DESTINATIONS && !this.#forgetUnused()) return undefined
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
