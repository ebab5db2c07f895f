import type { FilterChain, HttpManagerConfig, TcpProxyConfig } from '../config/index.ts'
import type { ConnectionServer } from '../network/index.ts'
import type { ListenerServices } from './listener-services.ts'

/** A filter chain at run time: its configuration is swapped, its connections live on. */
export interface ChainRuntime {
  readonly key: string
  config: FilterChain
  readonly server: ConnectionServer
}

/** Chains of the new configuration, and those of the old one that have no successor. */
export interface ChainUpdate {
  readonly chains: readonly ChainRuntime[]
  readonly defaultChain: ChainRuntime | undefined
  readonly dropped: readonly ChainRuntime[]
}

/**
 * Carries chains over by name (by position when unnamed) and kind: a chain of the same key goes on with its connections under the new
 * settings, which are read for each request. One whose demands on its clients' TLS changed has no successor: its connections were
 * judged by the old ones, and drain.
 */
export function updateChains(
  old: readonly ChainRuntime[],
  next: { readonly filterChains: readonly FilterChain[]; readonly defaultFilterChain: FilterChain | undefined },
  services: ListenerServices,
): ChainUpdate {
  const known = new Map(old.map((chain) => [chain.key, chain]))
  const take = (config: FilterChain, position: string): ChainRuntime => {
    const key = `${position}/${config.name}/${config.network.kind}`
    const kept = known.get(key)
    if (kept === undefined || !hasSameDemands(kept.config.tls, config.tls)) return createChain(key, config, services)
    known.delete(key)
    kept.config = config
    return kept
  }
  const seen = new Map<string, number>()
  const chains = next.filterChains.map((config, index) => {
    const repeated = seen.get(config.name) ?? 0
    seen.set(config.name, repeated + 1)
    return take(config, config.name === '' ? `#${index}` : `${repeated}`)
  })
  const defaultChain = next.defaultFilterChain === undefined ? undefined : take(next.defaultFilterChain, 'default')
  return { chains, defaultChain, dropped: [...known.values()] }
}

/** A rotated certificate of the server is no new demand: it counts from the next connection on. */
function hasSameDemands(old: FilterChain['tls'], next: FilterChain['tls']): boolean {
  if (old === undefined || next === undefined) return old === next
  const { certificate: _, otherCertificates: _others, ...before } = old
  const { certificate: __, otherCertificates: __others, ...after } = next
  return Bun.deepEquals(before, after, true)
}

function createChain(key: string, config: FilterChain, services: ListenerServices): ChainRuntime {
  const { network } = config
  if (network.kind === 'http') {
    const first: HttpManagerConfig = network
    const chain: ChainRuntime = {
      key,
      config,
      server: services.createHttp(() => (chain.config.network.kind === 'http' ? chain.config.network : first)),
    }
    return chain
  }
  const first: TcpProxyConfig = network
  const chain: ChainRuntime = {
    key,
    config,
    server: services.createTcp(() => (chain.config.network.kind === 'tcp' ? chain.config.network : first)),
  }
  return chain
}
