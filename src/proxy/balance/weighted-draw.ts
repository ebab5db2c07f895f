import type { BalancedHost } from './balancer.ts'

/** Draws hosts at random in proportion to their weights. */
export interface WeightedDraw<Host> {
  readonly setHosts: (hosts: readonly Host[]) => void
  readonly draw: () => Host | undefined
}

/** Equal weights cost one draw, others a binary search in the running sums. */
export function createWeightedDraw<Host extends BalancedHost>(random: () => number): WeightedDraw<Host> {
  let hosts: readonly Host[] = []
  let sums: Float64Array | undefined
  let total = 0
  return {
    setHosts(replacement) {
      hosts = replacement
      sums = undefined
      const weight = hosts[0]?.weight
      if (hosts.every((host) => host.weight === weight)) return
      const running = new Float64Array(hosts.length)
      total = 0
      hosts.forEach((host, index) => {
        total += host.weight
        running[index] = total
      })
      sums = running
    },
    draw() {
      if (sums === undefined) return hosts[Math.floor(random() * hosts.length)]
      const point = random() * total
      let low = 0
      let high = sums.length - 1
      while (low < high) {
        const middle = (low + high) >> 1
        if ((sums[middle] ?? 0) > point) high = middle
        else low = middle + 1
      }
      return hosts[low]
    },
  }
}
