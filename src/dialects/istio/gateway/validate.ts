import type { Place } from '../../../resources/schema/index.ts'

/** Says that a Gateway is kept and not served. */
export function warnNotServed(_: unknown, place: Place): void {
  place.report({
    code: 'WEFT_ISTIO_GATEWAY_NOT_SERVED',
    severity: 'warning',
    message: 'The Gateway is accepted and kept; gateways are served by a later version',
  })
}
