import type { RetryPolicy } from '../../../model/index.ts'
import type { RoutePolicy } from '../route-policy.ts'

/** Retries; none with 0 attempts. */
export const retryPolicy: RoutePolicy = {
  name: 'retry',
  apply(plan, { rule }) {
    if (rule.action.kind === 'forward' && rule.retry.attempts > 0) plan.retry = rule.retry
  },
}

/** Retries of a service that no route object speaks of: Istio's implicit ones, safe for any method. */
export const implicitRetry: RetryPolicy = {
  attempts: 2,
  on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'],
  retriableStatusCodes: [],
  avoidPreviousHosts: true,
  source: 'implicit',
}
