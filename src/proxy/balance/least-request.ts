import type { BalancedHost, Balancer } from './balancer.ts'
import { createWeightedDraw } from './weighted-draw.ts'

/**
 * Power of `choiceCount` choices: draws so many hosts by weight and takes the one with the fewest requests in progress for its
 * weight. With no load the shares are those of the weights. (Envoy with unequal weights goes round robin with weights divided by
 * load; the shares are the same, this needs no state.)
 */
export function createLeastRequest<Host extends BalancedHost>(
  random: () => number,
  choiceCount: number,
): Balancer<Host> {
  const { setHosts, draw } = createWeightedDraw<Host>(random)
  return {
    setHosts,
    pick() {
      let best = draw()
      if (best === undefined) return undefined
      for (let choice = 1; choice < choiceCount; choice += 1) {
        const other = draw()
        if (other !== undefined && other.activeRequests * best.weight < best.activeRequests * other.weight) best = other
      }
      return best
    },
  }
}
