import { type CompiledRetry, RetryOn } from '../route/index.ts'

/** How an attempt failed without a response. */
export type AttemptFailure = 'connect' | 'reset' | 'refused' | 'per-try-timeout'

const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** True when doing the request twice has the effect of doing it once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method)
}

/** True when the policy retries an attempt that ended without a response; `started`: some of the request was written. */
export function retriesFailure(retry: CompiledRetry, failure: AttemptFailure, started: boolean): boolean {
  const { on } = retry
  if ((on & (RetryOn.serverError | RetryOn.gatewayError | RetryOn.reset)) !== 0) return true
  if (failure === 'refused' && (on & RetryOn.refusedStream) !== 0) return true
  if (!started && (on & RetryOn.resetBeforeRequest) !== 0) return true
  return failure === 'connect' && (on & RetryOn.connectFailure) !== 0
}

/** True when the policy retries a response; `grpcStatus` is the field's value, empty when absent. */
export function retriesResponse(retry: CompiledRetry, status: number, grpcStatus: string): boolean {
  const { on } = retry
  if ((on & RetryOn.serverError) !== 0 && status >= 500) return true
  if ((on & RetryOn.gatewayError) !== 0 && status >= 502 && status <= 504) return true
  if ((on & RetryOn.retriable4xx) !== 0 && status === 409) return true
  if ((on & RetryOn.retriableStatusCodes) !== 0 && retry.retriableStatusCodes.includes(status)) return true
  return grpcStatus !== '' && (on & (grpcBits.get(grpcStatus) ?? 0)) !== 0
}

const grpcBits: ReadonlyMap<string, number> = new Map([
  ['1', RetryOn.grpcCancelled],
  ['4', RetryOn.grpcDeadlineExceeded],
  ['8', RetryOn.grpcResourceExhausted],
  ['13', RetryOn.grpcInternal],
  ['14', RetryOn.grpcUnavailable],
])

/** Pause before retry number `retry` (1 is the first), fully jittered: uniform up to the base doubled each time, at most the maximum. */
export function backoffMs(retry: CompiledRetry, number: number, random: number): number {
  return random * Math.min(retry.backoffBaseMs * 2 ** Math.min(number - 1, 20), retry.backoffMaxMs)
}
