import type { BalancedHost, Balancer } from './balancer.ts'
import { createWeightedDraw } from './weighted-draw.ts'

/** Weighted random choice. */
export function createRandom<Host extends BalancedHost>(random: () => number): Balancer<Host> {
  const { setHosts, draw } = createWeightedDraw<Host>(random)
  return { setHosts, pick: draw }
}
