import { describeValue, suggest } from '../../../resources/index.ts'
import { type Place, type Reader, text } from '../../../resources/schema/index.ts'
import { grpcCodeNames } from '../../../wire/grpc/index.ts'

/** Conditions and status codes of `retryOn`. */
export interface RetryConditions {
  readonly on: readonly string[]
  readonly statusCodes: readonly number[]
}

/** Conditions that Istio retries on where a rule names none. */
export const defaultConditions: readonly string[] = [
  'connect-failure',
  'refused-stream',
  'unavailable',
  'cancelled',
  'retriable-status-codes',
]

const supported: readonly string[] = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]

const knownOnly: readonly string[] = ['envoy-ratelimited', 'retriable-headers', 'http3-post-connect-failure']

/** Reads `retryOn`: names of Envoy's conditions and HTTP status codes, separated by commas. */
export const readRetryOn: Reader<RetryConditions> = (value, place) => {
  const written = text(value, place)
  if (written === undefined) return undefined
  const on: string[] = []
  const statusCodes: number[] = []
  let good = true
  for (const part of written.split(',').map((item) => item.trim())) {
    if (part === '') continue
    if (/^\d{3}$/.test(part) && Number(part) >= 100 && Number(part) <= 599) {
      statusCodes.push(Number(part))
    } else if (supported.includes(part)) {
      if (!on.includes(part)) on.push(part)
    } else {
      good = false
      reportCondition(part, place)
    }
  }
  if (!good) return undefined
  if (statusCodes.length > 0 && !on.includes('retriable-status-codes')) on.push('retriable-status-codes')
  return { on, statusCodes }
}

function reportCondition(condition: string, place: Place): void {
  if (knownOnly.includes(condition)) {
    place.report({
      code: 'WEFT_ISTIO_UNSUPPORTED',
      message: `Retry condition ${condition} is not yet supported`,
      remedy: `Remove ${condition}`,
    })
    return
  }
  const near = suggest(condition, supported)
  place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: `status codes and conditions of ${supported.join(', ')}`,
    got: describeValue(condition),
    ...(near === undefined ? {} : { remedy: `Did you mean ${near}?` }),
  })
}

/** Reads the name (or the number, as a text) of a gRPC status as its code. */
export const grpcStatusOf: Reader<number> = (value, place) => {
  const code = typeof value === 'string' ? grpcCodeNames.indexOf(value) : -1
  if (code >= 0) return code
  if (typeof value === 'string' && /^\d{1,2}$/.test(value) && Number(value) < grpcCodeNames.length) return Number(value)
  const near = typeof value === 'string' ? suggest(value, grpcCodeNames) : undefined
  return place.report({
    code: typeof value === 'string' ? 'WEFT_FIELD_VALUE' : 'WEFT_FIELD_TYPE',
    expected: 'the name of a gRPC status such as UNAVAILABLE',
    got: describeValue(value),
    ...(near === undefined ? {} : { remedy: `Did you mean ${near}?` }),
  })
}
