import type { CircuitBreakerLimits, ClusterConfig, EndpointsConfig } from '../config/index.ts'
import { Cluster } from './cluster.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { ClusterRuntime } from './contract.ts'
import { createDnsDiscovery, type DnsDiscovery } from './dns-discovery.ts'

/** All clusters of a proxy by name. */
export interface ClusterSet {
  /** Undefined as well for a cluster whose endpoints have not all been checked once (Envoy's warming). */
  readonly get: (name: string) => ClusterRuntime | undefined
  /** Names of those clusters. */
  readonly warming: () => readonly string[]
  readonly put: (config: ClusterConfig) => void
  readonly remove: (name: string) => void
  /** Endpoints of the clusters whose EDS name this is; kept for clusters that come later. */
  readonly putEndpoints: (config: EndpointsConfig) => void
  readonly configs: () => readonly ClusterConfig[]
  readonly describe: () => readonly ClusterDescription[]
  /** Closes idle connections and stops all discovery. */
  readonly close: () => void
}

/** Counts of one cluster for the admin interface. */
export interface ClusterDescription {
  readonly name: string
  readonly limits: CircuitBreakerLimits
  readonly endpoints: readonly {
    readonly address: string
    readonly port: number
    readonly weight: number
    /** Envoy's `health_flags`. */
    readonly health: string
    readonly activeRequests: number
    readonly connections: number
    readonly totalRequests: number
  }[]
}

/** Makes an empty set. */
export function createClusterSet(services: ClusterServices): ClusterSet {
  const clusters = new Map<string, Cluster>()
  const discoveries = new Map<string, DnsDiscovery>()
  const assignments = new Map<string, EndpointsConfig>()

  const stopDiscovery = (name: string): void => {
    discoveries.get(name)?.stop()
    discoveries.delete(name)
  }
  const feed = (cluster: Cluster, config: ClusterConfig): void => {
    if (config.discovery === 'strict-dns' || config.discovery === 'logical-dns') {
      const discovery =
        discoveries.get(config.name) ??
        createDnsDiscovery({
          resolver: services.resolver,
          timers: services.timers,
          onEndpoints: (endpoints) => cluster.setEndpoints(endpoints, cluster.config.endpointPolicy),
        })
      discoveries.set(config.name, discovery)
      discovery.update(config)
      return
    }
    stopDiscovery(config.name)
    if (config.discovery === 'static') cluster.setEndpoints(config.endpoints, config.endpointPolicy)
    if (config.discovery === 'eds') {
      const assignment = assignments.get(config.edsName)
      cluster.setEndpoints(assignment?.endpoints ?? [], assignment?.policy)
    }
  }
  /** Tells clusters where their callers are, now and whenever that changes. */
  const joinZones = (cluster: Cluster): void => {
    const { local } = services
    if (local === undefined) return
    const own = clusters.get(local.cluster)
    if (cluster === own) {
      cluster.onHostsChanged = () => {
        const callers = cluster.localCluster(local.locality)
        for (const other of clusters.values()) if (other !== cluster) other.setLocal(callers)
      }
    } else if (own !== undefined) cluster.setLocal(own.localCluster(local.locality))
  }

  return {
    get: (name) => {
      const cluster = clusters.get(name)
      return cluster?.warming === true ? undefined : cluster
    },
    put(config) {
      const known = clusters.get(config.name)
      if (known !== undefined && known.config.discovery !== config.discovery) known.clearEndpoints()
      known?.reconfigure(config)
      const cluster = known ?? new Cluster(config, services)
      clusters.set(config.name, cluster)
      if (known === undefined) joinZones(cluster)
      feed(cluster, config)
    },
    remove(name) {
      stopDiscovery(name)
      const cluster = clusters.get(name)
      if (cluster === undefined) return
      cluster.retire()
      clusters.delete(name)
      const { edsName } = cluster.config
      if (![...clusters.values()].some(({ config }) => config.discovery === 'eds' && config.edsName === edsName))
        assignments.delete(edsName)
    },
    putEndpoints(config) {
      assignments.set(config.clusterName, config)
      for (const cluster of clusters.values())
        if (cluster.config.discovery === 'eds' && cluster.config.edsName === config.clusterName)
          cluster.setEndpoints(config.endpoints, config.policy)
    },
    warming: () => [...clusters.values()].filter((cluster) => cluster.warming).map(({ config }) => config.name),
    configs: () => [...clusters.values()].map(({ config }) => config),
    describe: () => [...clusters.values()].map(describeCluster),
    close() {
      for (const name of discoveries.keys()) stopDiscovery(name)
      for (const cluster of clusters.values()) cluster.close()
    },
  }
}

function describeCluster(cluster: Cluster): ClusterDescription {
  return {
    name: cluster.config.name,
    limits: cluster.config.limits,
    endpoints: [...cluster.endpoints].map((pool) => ({
      address: pool.config.address,
      port: pool.config.port,
      weight: pool.config.weight,
      health: pool.health.describe(),
      activeRequests: pool.activeRequests,
      connections: pool.connections,
      totalRequests: pool.totalRequests,
    })),
  }
}
