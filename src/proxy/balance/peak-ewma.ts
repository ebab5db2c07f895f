import type { PeakEwmaConfig } from '../config/index.ts'
import type { BalancedHost, Balancer, BalancerParts } from './balancer.ts'
import { createWeightedDraw } from './weighted-draw.ts'

/** Draws for a second choice that is not the first one. */
const SECOND_DRAWS = 4

/**
 * Peak EWMA: of two hosts drawn by weight, the one whose recent latency times requests in progress is less. A host that slows
 * down loses requests with its first slow answer, and gets them back as the memory of it fades.
 */
export function createPeakEwma<Host extends BalancedHost>(
  { random, now }: BalancerParts,
  config: PeakEwmaConfig,
): Balancer<Host> {
  const { setHosts, draw } = createWeightedDraw<Host>(random)
  const costOf = (host: Host, at: number): number => host.latency?.cost(host, config, at) ?? config.defaultRttMs
  return {
    setHosts,
    pick() {
      const first = draw()
      if (first === undefined) return undefined
      let second = draw()
      for (let turn = 1; second === first && turn < SECOND_DRAWS; turn += 1) second = draw()
      if (second === undefined || second === first) return first
      const at = now()
      return costOf(second, at) < costOf(first, at) ? second : first
    },
  }
}
