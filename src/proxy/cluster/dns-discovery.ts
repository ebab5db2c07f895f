import type { TimerWheel, WheelTimer } from '../../base/index.ts'
import type { Resolver } from '../../net/index.ts'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'

/** Keeps the endpoints of one DNS cluster current. */
export interface DnsDiscovery {
  /** Takes a new configuration and resolves at once. */
  readonly update: (config: ClusterConfig) => void
  readonly stop: () => void
}

/** Parts of a discovery. */
export interface DnsDiscoveryOptions {
  readonly resolver: Resolver
  readonly timers: TimerWheel
  readonly onEndpoints: (endpoints: readonly EndpointConfig[]) => void
}

/**
 * Resolves the host names of a cluster every `dnsRefreshMs`. `strict-dns`: each address is an endpoint; `logical-dns`: the
 * first address of the only name. A name that no longer resolves keeps its last addresses, as in Envoy.
 */
export function createDnsDiscovery(options: DnsDiscoveryOptions): DnsDiscovery {
  const lastGood = new Map<string, readonly string[]>()
  let generation = 0
  let timer: WheelTimer | undefined
  const refresh = async (config: ClusterConfig, mine: number): Promise<void> => {
    const resolved = await Promise.all(config.endpoints.map(({ address }) => options.resolver.resolve(address)))
    if (mine !== generation) return
    const endpoints: EndpointConfig[] = []
    config.endpoints.forEach((endpoint, index) => {
      const fresh = resolved[index] ?? []
      if (fresh.length > 0) lastGood.set(endpoint.address, fresh)
      const addresses = fresh.length > 0 ? fresh : (lastGood.get(endpoint.address) ?? [])
      const used = config.discovery === 'logical-dns' ? addresses.slice(0, 1) : addresses
      for (const address of used) endpoints.push({ ...endpoint, address })
    })
    options.onEndpoints(endpoints)
    timer = options.timers.after(config.dnsRefreshMs, () => void refresh(config, mine))
  }
  const stop = (): void => {
    generation += 1
    timer?.cancel()
    timer = undefined
  }
  return {
    update(config) {
      stop()
      void refresh(config, generation)
    },
    stop,
  }
}
