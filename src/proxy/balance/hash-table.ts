import type { BalancedHost, Balancer } from './balancer.ts'

/** A table of consistent hashing over one set of hosts. */
export interface HashTable<Host> {
  /** The host of a hash; `attempt` above 0 asks for another one, which is the same for the same hash. */
  readonly hostOf: (hash: bigint, attempt: number) => Host | undefined
}

/** A host with its share of a table: its weight by the sum of all, as Envoy normalises it. */
export interface WeightedHost<Host> {
  readonly host: Host
  readonly authority: string
  readonly weight: number
}

/**
 * A balancer that maps a request's hash to a host by a table. The table is built once for a set of hosts with their
 * weights; without a hash (the route has no policy, or no policy found its input) the host is drawn, as in Envoy.
 */
export function createHashBalancer<Host extends BalancedHost>(
  random: () => number,
  build: (hosts: readonly WeightedHost<Host>[]) => HashTable<Host>,
): Balancer<Host> {
  let hosts: readonly Host[] = []
  let shares: readonly number[] = []
  let table: HashTable<Host> | undefined
  return {
    setHosts(replacement, given) {
      const total = replacement.reduce((sum, { weight }) => sum + weight, 0)
      const shareAt = (index: number): number => given?.[index] ?? (replacement[index]?.weight ?? 0) / total
      const same =
        replacement.length === hosts.length &&
        replacement.every((host, index) => host === hosts[index] && shareAt(index) === shares[index])
      if (same) return
      hosts = replacement
      shares = hosts.map((_, index) => shareAt(index))
      const weighted = hosts.map((host, index) => ({ host, authority: host.authority, weight: shareAt(index) }))
      const counting = weighted.filter(({ weight }) => weight > 0)
      table = counting.length === 0 ? undefined : build(inOrder(counting))
    },
    pick(hash, attempt = 0) {
      return table?.hostOf(hash ?? randomHash(random), attempt)
    },
  }
}

/** Hosts by address, so that the table depends on the set and not on the order in which discovery names it. */
function inOrder<Host>(hosts: readonly WeightedHost<Host>[]): readonly WeightedHost<Host>[] {
  return hosts.toSorted((one, other) =>
    one.authority < other.authority ? -1 : one.authority > other.authority ? 1 : 0,
  )
}

function randomHash(random: () => number): bigint {
  return (BigInt(Math.floor(random() * 0x1_0000_0000)) << 32n) | BigInt(Math.floor(random() * 0x1_0000_0000))
}
