import { createStratifiedRandom } from '../../base/index.ts'
import type { BalancedHost, Balancer } from './balancer.ts'
import { createWeightedDraw } from './weighted-draw.ts'

/** Weighted random choice; the draws are stratified, so that shares settle quickly. */
export function createRandom<Host extends BalancedHost>(random: () => number): Balancer<Host> {
  const { setHosts, draw } = createWeightedDraw<Host>(createStratifiedRandom(random))
  return { setHosts: (hosts) => setHosts(hosts), pick: draw }
}
