import type { RoutePolicy } from '../route-policy.ts'

/** Time for the whole request with its retries. Always written, since Envoy's own default is 15 s and ours is none. */
export const timeoutPolicy: RoutePolicy = {
  name: 'timeout',
  apply(plan, { rule }) {
    plan.timeoutMs = rule.timeoutMs ?? 0
  },
}
