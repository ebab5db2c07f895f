import type { HeaderOperations } from '../../../model/index.ts'
import type { Origin } from '../../../resources/index.ts'
import type { LegPlan } from '../../plan.ts'
import type { ClientView } from '../../select/index.ts'
import type { RoutePolicy } from '../route-policy.ts'

/**
 * Header operations of the rule and of each leg. Setting the host is a rewrite of the authority, the rule's before the
 * leg's. Other pseudo-headers cannot be edited: such an operation is left out and reported.
 */
export const headersPolicy: RoutePolicy = {
  name: 'headers',
  apply(plan, { view, rule }) {
    const request = splitHost(view, rule.requestHeaders, rule.origin)
    plan.requestHeaders = request.operations
    plan.responseHeaders = splitHost(view, rule.responseHeaders, rule.origin).operations
    plan.hostRewrite = request.host ?? plan.hostRewrite
    if (plan.action.kind !== 'split') return
    const ruleHost = plan.hostRewrite
    plan.action = {
      kind: 'split',
      legs: plan.action.legs.map((leg): LegPlan => {
        const own = splitHost(view, leg.requestHeaders, leg.cluster.origin)
        return {
          ...leg,
          hostRewrite: ruleHost === undefined ? own.host : undefined,
          requestHeaders: own.operations,
          responseHeaders: splitHost(view, leg.responseHeaders, leg.cluster.origin).operations,
        }
      }),
    }
  },
}

/** No edits. */
export const noHeaderOperations: HeaderOperations = { set: [], add: [], remove: [] }

function splitHost(
  view: ClientView,
  operations: HeaderOperations,
  origin: Origin,
): { readonly operations: HeaderOperations; readonly host: string | undefined } {
  const isHost = (name: string): boolean => name === 'host' || name === ':authority'
  const host = [...operations.set, ...operations.add].find(([name]) => isHost(name))?.[1]
  const editable = (name: string): boolean => !isHost(name) && !name.startsWith(':')
  const refused = [
    ...[...operations.set, ...operations.add].map(([name]) => name).filter((name) => !isHost(name) && !editable(name)),
    ...operations.remove.filter((name) => !editable(name)),
  ]
  for (const name of new Set(refused)) {
    view.trace.warnings.push({
      code: 'WEFT_COMPILE_HEADER_NOT_EDITABLE',
      message: `Header ${name} cannot be edited; the operation is left out`,
      origin,
    })
  }
  return {
    host,
    operations: {
      set: operations.set.filter(([name]) => editable(name)),
      add: operations.add.filter(([name]) => editable(name)),
      remove: operations.remove.filter(editable),
    },
  }
}
