import type { BalancedHost, Balancer } from './balancer.ts'

/** A table of consistent hashing over one set of hosts. */
export interface HashTable<Host> {
  /** The host of a hash; `attempt` above 0 asks for another one, which is the same for the same hash. */
  readonly hostOf: (hash: bigint, attempt: number) => Host | undefined
}

/**
 * A balancer that maps a request's hash to a host by a table. The table is built once for a set of hosts with their
 * weights; without a hash (the route has no policy, or no policy found its input) the host is drawn, as in Envoy.
 */
export function createHashBalancer<Host extends BalancedHost>(
  random: () => number,
  build: (hosts: readonly Host[]) => HashTable<Host>,
): Balancer<Host> {
  let hosts: readonly Host[] = []
  let weights: readonly number[] = []
  let table: HashTable<Host> | undefined
  return {
    setHosts(replacement) {
      const same =
        replacement.length === hosts.length &&
        replacement.every((host, index) => host === hosts[index] && host.weight === weights[index])
      if (same) return
      hosts = replacement
      weights = hosts.map((host) => host.weight)
      table = hosts.length === 0 ? undefined : build(inOrder(hosts))
    },
    pick(hash, attempt = 0) {
      return table?.hostOf(hash ?? randomHash(random), attempt)
    },
  }
}

/** Hosts by address, so that the table depends on the set and not on the order in which discovery names it. */
function inOrder<Host extends BalancedHost>(hosts: readonly Host[]): readonly Host[] {
  return hosts.toSorted((one, other) =>
    one.authority < other.authority ? -1 : one.authority > other.authority ? 1 : 0,
  )
}

function randomHash(random: () => number): bigint {
  return (BigInt(Math.floor(random() * 0x1_0000_0000)) << 32n) | BigInt(Math.floor(random() * 0x1_0000_0000))
}
