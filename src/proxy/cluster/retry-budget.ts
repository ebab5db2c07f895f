import type { ClusterRuntime } from './contract.ts'

/**
 * One more retry may be in progress: fewer are than `max_retries`, or than the `retry_budget` has for the requests that are in
 * progress or waiting.
 */
export function allowsRetry(
  cluster: Pick<ClusterRuntime, 'activeRequests' | 'pendingRequests' | 'activeRetries' | 'config'>,
): boolean {
  const { maxRetries, retryBudget } = cluster.config.limits
  if (retryBudget === undefined) return cluster.activeRetries < maxRetries
  const requests = cluster.activeRequests + cluster.pendingRequests
  const budget = Math.floor((requests * retryBudget.percent) / 100)
  return cluster.activeRetries < Math.max(budget, retryBudget.minConcurrency)
}
