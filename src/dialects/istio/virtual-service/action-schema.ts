import {
  duration,
  integer,
  object,
  oneOf,
  optional,
  type Place,
  portNumber,
  type Read,
  type Reader,
  regex,
  required,
  text,
  boolean,
  decimal,
  transform,
} from '../../../resources/schema/index.ts'
import { unsupported, unsupportedUnless } from '../fields/unsupported.ts'
import { grpcStatusOf, readRetryOn } from './retry-on.ts'
import { authority, pathText, pathTextOrEmpty } from '../fields/authority.ts'
import {
  checkAbort,
  checkBody,
  checkDelay,
  checkFault,
  checkRedirect,
  checkRetries,
  checkRewrite,
  checkRegexRewrite,
} from './validate-http.ts'

/** Reads `{value: 12.5}`, a percentage, as parts of a million; without a value it is 0, as in Istio. */
const percentage: Reader<number> = transform(object({ value: optional(decimal(0, 100)) }), (given) =>
  Math.round((given.value ?? 0) * 10_000),
)

const abortFields = {
  httpStatus: optional(integer(200, 599)),
  grpcStatus: optional(grpcStatusOf),
  http2Error: unsupported,
  percentage: optional(percentage),
}

const delayFields = {
  fixedDelay: optional(duration({ zero: false })),
  exponentialDelay: unsupported,
  percent: optional(integer(0, 100)),
  percentage: optional(percentage),
}

const faultFields = {
  abort: optional(object(abortFields, checkAbort)),
  delay: optional(object(delayFields, checkDelay)),
}

/** The proxy takes no more: beyond it retries only make an outage worse. */
const maxAttempts = 1000

const retryFields = {
  attempts: optional(integer(0, maxAttempts)),
  backoff: optional(duration({ zero: false })),
  perTryTimeout: optional(duration({ zero: true })),
  retryIgnorePreviousHosts: optional(boolean),
  retryOn: optional(readRetryOn),
  retryRemoteLocalities: unsupportedUnless(false),
}

const redirectFields = {
  uri: optional(pathText),
  prefixRewrite: optional(pathText),
  authority: optional(authority),
  scheme: optional(oneOf(['http', 'https'])),
  port: optional(portNumber),
  derivePort: optional(oneOf(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'])),
  redirectCode: optional(redirectStatus),
}

const bodyFields = { string: optional(text), bytes: optional(readBytes) }

const directResponseFields = {
  status: required(integer(200, 599)),
  body: optional(object(bodyFields, checkBody)),
}

const regexRewriteFields = { match: required(regex), rewrite: required(pathTextOrEmpty) }

const rewriteFields = {
  uri: optional(pathText),
  authority: optional(authority),
  uriRegexRewrite: optional(object(regexRewriteFields, checkRegexRewrite)),
}

/** `fault.abort`, as written. */
export type AbortSpec = Read<typeof abortFields>
/** `fault.delay`, as written. */
export type DelaySpec = Read<typeof delayFields>
/** `fault`, as written. */
export type FaultSpec = Read<typeof faultFields>
/** `retries`, as written. */
export type RetrySpec = Read<typeof retryFields>
/** `redirect`, as written. */
export type RedirectSpec = Read<typeof redirectFields>
/** `directResponse`, as written. */
export type DirectResponseSpec = Read<typeof directResponseFields>
/** `directResponse.body`, as written. */
export type BodySpec = Read<typeof bodyFields>
/** `rewrite`, as written. */
export type RewriteSpec = Read<typeof rewriteFields>
/** `rewrite.uriRegexRewrite`, as written. */
export type RegexRewriteSpec = Read<typeof regexRewriteFields>

/** Reads `fault`. */
export const faultReader = object(faultFields, checkFault)
/** Reads `retries`. */
export const retriesReader = object(retryFields, checkRetries)
/** Reads `redirect`. */
export const redirectReader = object(redirectFields, checkRedirect)
/** Reads `directResponse`. */
export const directResponseReader = object(directResponseFields)
/** Reads `rewrite`. */
export const rewriteReader = object(rewriteFields, checkRewrite)

const redirectStatuses = [301, 302, 303, 307, 308] as const

function redirectStatus(value: unknown, place: Place): (typeof redirectStatuses)[number] | undefined {
  const found = redirectStatuses.find((status) => status === value)
  if (found !== undefined) return found
  return place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: `one of ${redirectStatuses.join(', ')}`,
    got: String(value),
  })
}

function readBytes(value: unknown, place: Place): Uint8Array | undefined {
  const written = text(value, place)
  if (written === undefined) return undefined
  if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(written)) return new Uint8Array(Buffer.from(written, 'base64'))
  return place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: 'bytes in base64',
    got: JSON.stringify(written.slice(0, 40)),
  })
}
