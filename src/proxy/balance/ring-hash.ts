import type { BalancedHost, Balancer } from './balancer.ts'
import { createHashBalancer, type HashTable, type WeightedHost } from './hash-table.ts'

/** Sizes of a ring: entries, `minimum_ring_size` and `maximum_ring_size` of Envoy. */
export interface RingSizes {
  readonly minimumSize: number
  readonly maximumSize: number
}

/**
 * Envoy's `RING_HASH` (ketama): each host stands at many points of a circle of 64-bit numbers, in proportion to its weight,
 * and a request goes to the first point at or behind its hash. Points are xxHash64 of `address_number`, as in Envoy, so
 * proxies of both kinds send a key to the same host. When one of N hosts leaves, its keys move, and of the others less than
 * one in N: in a ring of the same size, the hosts that stay get more points each.
 */
export function createRingHash<Host extends BalancedHost>(random: () => number, sizes: RingSizes): Balancer<Host> {
  return createHashBalancer<Host>(random, (hosts) => buildRing(hosts, sizes))
}

function buildRing<Host>(hosts: readonly WeightedHost<Host>[], sizes: RingSizes): HashTable<Host> {
  const least = hosts.reduce((low, host) => Math.min(low, host.weight), Infinity)
  // The lightest host gets a whole number of points; the others may end between two, which running sums even out.
  const scale = Math.min(Math.ceil(least * sizes.minimumSize) / least, sizes.maximumSize)
  const points: number[] = []
  const owners: number[] = []
  let target = 0
  for (const [index, host] of hosts.entries()) {
    target += scale * host.weight
    for (let number = 0; points.length < target; number += 1) {
      points.push(toPoint(Bun.hash.xxHash64(`${host.authority}_${number}`, 0n)))
      owners.push(index)
    }
  }
  const order = Uint32Array.from(points.keys()).sort((one, other) => (points[one] ?? 0) - (points[other] ?? 0))
  const sorted = Float64Array.from(order, (at) => points[at] ?? 0)
  const hostAt = Uint32Array.from(order, (at) => owners[at] ?? 0)
  return {
    hostOf(hash, attempt) {
      // Another try takes the next point, which may be the same host's: the caller asks again.
      const at = (firstAtOrBehind(sorted, toPoint(hash)) + attempt) % sorted.length
      return hosts[hostAt[at] ?? 0]?.host
    },
  }
}

/** The upper 53 bits: what a number holds exactly, and far more than points are apart. */
function toPoint(hash: bigint): number {
  return Number(hash >> 11n)
}

function firstAtOrBehind(sorted: Float64Array, point: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < point) low = middle + 1
    else high = middle
  }
  return low === sorted.length ? 0 : low
}
