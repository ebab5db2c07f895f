import { RetryOn } from './decision.ts'

/** Envoy's spelling of each condition of `retry_on`. */
const bitByName: ReadonlyMap<string, number> = new Map([
  ['5xx', RetryOn.serverError],
  ['gateway-error', RetryOn.gatewayError],
  ['reset', RetryOn.reset],
  ['reset-before-request', RetryOn.resetBeforeRequest],
  ['connect-failure', RetryOn.connectFailure],
  ['retriable-4xx', RetryOn.retriable4xx],
  ['refused-stream', RetryOn.refusedStream],
  ['retriable-status-codes', RetryOn.retriableStatusCodes],
  ['cancelled', RetryOn.grpcCancelled],
  ['deadline-exceeded', RetryOn.grpcDeadlineExceeded],
  ['internal', RetryOn.grpcInternal],
  ['resource-exhausted', RetryOn.grpcResourceExhausted],
  ['unavailable', RetryOn.grpcUnavailable],
])

/** Reads `retry_on` (comma separated) into a bit set; conditions that are not implemented come back by name. */
export function parseRetryOn(text: string): { readonly on: number; readonly unknown: readonly string[] } {
  let on = 0
  const unknown: string[] = []
  for (const part of text.split(',')) {
    const name = part.trim()
    if (name === '') continue
    const bit = bitByName.get(name)
    if (bit === undefined) unknown.push(name)
    else on |= bit
  }
  return { on, unknown }
}

/** The names of the conditions in a bit set, in Envoy's spelling. */
export function explainRetryOn(on: number): readonly string[] {
  return [...bitByName].filter(([, bit]) => (on & bit) !== 0).map(([name]) => name)
}
