import { assertNever } from '../../base/index.ts'
import type { BalancerConfig } from '../config/index.ts'
import type { BalancedHost, Balancer, BalancerParts } from './balancer.ts'
import { createLeastRequest } from './least-request.ts'
import { createMaglev } from './maglev.ts'
import { createPeakEwma } from './peak-ewma.ts'
import { createRandom } from './random.ts'
import { createRingHash } from './ring-hash.ts'
import { createRoundRobin } from './round-robin.ts'

/** The balancer of a cluster's policy. For `original-dst` there is nothing to choose: it holds no hosts. */
export function createBalancer<Host extends BalancedHost>(
  config: BalancerConfig,
  parts: BalancerParts,
): Balancer<Host> {
  switch (config.kind) {
    case 'round-robin':
      return createRoundRobin(parts, config.slowStart)
    case 'random':
    case 'original-dst':
      return createRandom(parts.random)
    case 'least-request':
      return createLeastRequest(parts, config)
    case 'ring-hash':
      return createRingHash(parts.random, config)
    case 'maglev':
      return createMaglev(parts.random, config.tableSize)
    case 'peak-ewma':
      return createPeakEwma(parts, config)
    default:
      return assertNever(config)
  }
}

/** Requests are told apart by their hash. */
export function isConsistentHashing(config: BalancerConfig): boolean {
  return config.kind === 'ring-hash' || config.kind === 'maglev'
}
