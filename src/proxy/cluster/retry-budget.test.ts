import { expect, test } from 'bun:test'
import { testCluster } from '../data-plane-configs.fixture.ts'
import { allowsRetry } from './retry-budget.ts'

const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1, maxRetries: 2 }

test.each([
  // Without a budget the number of retries counts.
  [undefined, { activeRequests: 0, pendingRequests: 0, activeRetries: 1 }, true],
  [undefined, { activeRequests: 100, pendingRequests: 0, activeRetries: 2 }, false],
  // A fifth of 20 requests; fewer requests, three retries all the same.
  [{ percent: 20, minConcurrency: 3 }, { activeRequests: 15, pendingRequests: 5, activeRetries: 3 }, true],
  [{ percent: 20, minConcurrency: 3 }, { activeRequests: 15, pendingRequests: 5, activeRetries: 4 }, false],
  [{ percent: 20, minConcurrency: 3 }, { activeRequests: 1, pendingRequests: 0, activeRetries: 2 }, true],
  [{ percent: 20, minConcurrency: 3 }, { activeRequests: 1, pendingRequests: 0, activeRetries: 3 }, false],
  [{ percent: 0, minConcurrency: 0 }, { activeRequests: 100, pendingRequests: 0, activeRetries: 0 }, false],
])('allowsRetry() with budget %j and %j is %p', (retryBudget, counts, allowed) => {
  const config = testCluster('c', { limits: retryBudget === undefined ? limits : { ...limits, retryBudget } })
  expect(allowsRetry({ ...counts, config })).toBe(allowed)
})
