import type { BalancedHost, Balancer } from './balancer.ts'
import { createHashBalancer, type HashTable, type WeightedHost } from './hash-table.ts'

const allBits = 0xffff_ffff_ffff_ffffn

/**
 * Envoy's `MAGLEV` (Eisenbud et al., NSDI 2016, section 3.4): a table of prime size in which every host fills the slots of a
 * permutation of its own, in turn, lighter hosts taking a turn less often. A look-up is one remainder. When a host leaves
 * nearly all other slots stay.
 *
 * @param tableSize A prime.
 */
export function createMaglev<Host extends BalancedHost>(random: () => number, tableSize: number): Balancer<Host> {
  return createHashBalancer<Host>(random, (hosts) => buildTable(hosts, tableSize))
}

/** A host while the table is filled. */
interface Filling {
  readonly skip: number
  readonly weight: number
  slot: number
  /** Turn at which the host may fill its next slot, in units of weight. */
  due: number
}

function buildTable<Host>(hosts: readonly WeightedHost<Host>[], tableSize: number): HashTable<Host> {
  const size = BigInt(tableSize)
  const heaviest = hosts.reduce((high, host) => Math.max(high, host.weight), 0)
  const fillings = hosts.map((host): Filling => ({
    slot: Number(Bun.hash.xxHash64(host.authority, 0n) % size),
    skip: Number(Bun.hash.xxHash64(host.authority, 1n) % (size - 1n)) + 1,
    weight: host.weight,
    due: 0,
  }))
  const table = new Uint32Array(tableSize)
  const taken = new Uint8Array(tableSize)
  let filled = 0
  for (let turn = 1; filled < tableSize; turn += 1) {
    for (const [index, filling] of fillings.entries()) {
      if (filled === tableSize) break
      if (turn * filling.weight < filling.due) continue
      filling.due += heaviest
      while (taken[filling.slot] === 1) filling.slot = (filling.slot + filling.skip) % tableSize
      taken[filling.slot] = 1
      table[filling.slot] = index
      filled += 1
    }
  }
  return {
    hostOf(hash, attempt) {
      // Another try flips nearly all bits, so that the keys of one host do not all move to the same other one.
      const tried = attempt === 0 ? hash : hash ^ (allBits - BigInt(attempt) + 1n)
      return hosts[table[Number(tried % size)] ?? 0]?.host
    },
  }
}
