import type { Fault } from '../../../model/index.ts'
import type { RoutePolicy } from '../route-policy.ts'

/** Faults to inject; one with a share of nothing or a delay of nothing is left out. */
export const faultPolicy: RoutePolicy = {
  name: 'fault',
  apply(plan, { rule }) {
    if (rule.fault === undefined) return
    const { delay, abort } = rule.fault
    const fault: Fault = {
      ...(delay !== undefined && delay.fraction.partsPerMillion > 0 && delay.delayMs > 0 ? { delay } : {}),
      ...(abort !== undefined && abort.fraction.partsPerMillion > 0 ? { abort } : {}),
    }
    if (fault.delay !== undefined || fault.abort !== undefined) plan.fault = fault
  },
}
