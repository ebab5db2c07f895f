import type { RoutePolicy } from '../route-policy.ts'

/** Answers made by the proxy itself. */
export const directResponsePolicy: RoutePolicy = {
  name: 'direct-response',
  apply(plan, { rule }) {
    if (rule.action.kind === 'respond') plan.action = rule.action
  },
}
