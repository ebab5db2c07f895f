import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { NetLimits } from './limits.ts'

/** Turns a host name into addresses, for clusters with DNS discovery. */
export interface Resolver {
  /** All addresses of a name, IPv4 first; empty when the name does not resolve. Never rejects. */
  readonly resolve: (hostname: string) => Promise<readonly string[]>
}

/** The machine's resolver (hosts file, then DNS). A literal address is its own answer. */
export const systemResolver: Resolver = {
  async resolve(hostname) {
    if (isIP(hostname) !== 0) return [hostname]
    try {
      const found = await lookup(hostname, { all: true, order: 'ipv4first' })
      return found.slice(0, NetLimits.dnsAddressesPerName).map(({ address }) => address)
    } catch {
      // Unknown name and unreachable server are the same to a cluster: no endpoint now, asked again at the next refresh.
      return []
    }
  },
}
