import { assertNever } from '../../base/index.ts'
import type { ClusterConfig } from '../config/index.ts'
import type { BalancedHost, Balancer } from './balancer.ts'
import { createLeastRequest } from './least-request.ts'
import { createMaglev } from './maglev.ts'
import { createRandom } from './random.ts'
import { createRingHash } from './ring-hash.ts'
import { createRoundRobin } from './round-robin.ts'

/** The balancer of a cluster's `lb_policy`. For `original-dst` there is nothing to choose: it holds no hosts. */
export function createBalancer<Host extends BalancedHost>(
  config: ClusterConfig['balancer'],
  random: () => number,
): Balancer<Host> {
  switch (config.kind) {
    case 'round-robin':
      return createRoundRobin(random)
    case 'random':
    case 'original-dst':
      return createRandom(random)
    case 'least-request':
      return createLeastRequest(random, Math.max(1, config.choiceCount))
    case 'ring-hash':
      return createRingHash(random, config)
    case 'maglev':
      return createMaglev(random, config.tableSize)
    default:
      return assertNever(config)
  }
}
