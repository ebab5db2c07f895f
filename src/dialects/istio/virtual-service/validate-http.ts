import { regexGroups, type Place } from '../../../resources/schema/index.ts'
import type {
  AbortSpec,
  BodySpec,
  DelaySpec,
  FaultSpec,
  RedirectSpec,
  RegexRewriteSpec,
  RetrySpec,
  RewriteSpec,
} from './action-schema.ts'
import type { HttpMatchSpec } from './match-schema.ts'
import type { HttpRuleSpec } from './schema.ts'

/** Longest `directResponse.body`, in bytes: Istio's limit, and that of the route configurations the mesh writes. */
const maxBodyBytes = 1_048_576

type Written = (name: string) => boolean

/** Rules between the fields of one match. */
export function checkHttpMatch(match: Partial<HttpMatchSpec>, place: Place): void {
  if (match.ignoreUriCase === true && match.uri?.kind === 'regex') {
    place.at('ignoreUriCase').report({
      code: 'WEFT_ISTIO_NO_EFFECT',
      severity: 'warning',
      message: 'ignoreUriCase has no effect on a regular expression',
      remedy: 'Begin the expression with (?i)',
    })
  }
  for (const name of ['exact', 'prefix'] as const) {
    if (match.uri?.kind !== name || match.uri.value.startsWith('/')) continue
    const got = JSON.stringify(match.uri.value)
    place.at('uri', name).report({ code: 'WEFT_FIELD_VALUE', expected: 'a path that begins with /', got })
  }
}

/** Rules of an HTTP rule: exactly one action, and nothing beside it that could not take effect. */
export function checkHttpRule(_: Partial<HttpRuleSpec>, place: Place, written: Written): void {
  const actions = ['route', 'redirect', 'directResponse', 'delegate'].filter((name) => written(name))
  if (actions.length === 0) {
    place.report({ code: 'WEFT_FIELD_MISSING', message: 'A rule needs one of route, redirect and directResponse' })
  }
  if (actions.length > 1) {
    place.report({
      code: 'WEFT_FIELD_CONFLICT',
      message: `A rule has one action, got ${actions.join(' and ')}`,
      remedy: 'Keep one of them',
    })
  }
  if (written('route')) return
  const action = actions[0] ?? 'no action'
  for (const name of ['fault', 'rewrite']) {
    if (!written(name)) continue
    place.at(name).report({
      code: 'WEFT_FIELD_CONFLICT',
      message: `${name} cannot stand beside ${action}`,
      remedy: `Remove ${name}`,
      pointAt: 'key',
    })
  }
  for (const name of ['retries', 'timeout']) {
    if (!written(name)) continue
    const message = `${name} has no effect beside ${action}`
    place
      .at(name)
      .report({ code: 'WEFT_ISTIO_NO_EFFECT', severity: 'warning', message, remedy: `Remove ${name}`, pointAt: 'key' })
  }
}

/** Rules of `fault`: it injects something. */
export function checkFault(_: Partial<FaultSpec>, place: Place, written: Written): void {
  if (written('delay') || written('abort')) return
  place.report({ code: 'WEFT_FIELD_MISSING', message: 'A fault needs delay or abort' })
}

/** Rules of `fault.abort`: one status, and a share. */
export function checkAbort(abort: Partial<AbortSpec>, place: Place, written: Written): void {
  const given = ['httpStatus', 'grpcStatus', 'http2Error'].filter((name) => written(name))
  if (given.length === 0)
    place.report({ code: 'WEFT_FIELD_MISSING', message: 'An abort needs httpStatus or grpcStatus' })
  if (given.length > 1) {
    const message = `An abort has one status, got ${given.join(' and ')}`
    place.report({ code: 'WEFT_FIELD_CONFLICT', message, remedy: 'Keep one of them' })
  }
  warnWithoutShare(place, written('percentage') ? abort.percentage : 0)
}

/** Rules of `fault.delay`: a duration, and a share. */
export function checkDelay(delay: Partial<DelaySpec>, place: Place, written: Written): void {
  if (!written('fixedDelay') && !written('exponentialDelay')) {
    place.at('fixedDelay').report({ code: 'WEFT_FIELD_MISSING', message: 'A delay needs fixedDelay', pointAt: 'key' })
  }
  const share = written('percentage') ? delay.percentage : written('percent') ? delay.percent : 0
  warnWithoutShare(place, share)
}

function warnWithoutShare(place: Place, share: number | undefined): void {
  if (share !== 0) return
  place.report({
    code: 'WEFT_ISTIO_NO_EFFECT',
    severity: 'warning',
    message: 'A fault without a percentage is injected into no request',
    remedy: 'Set percentage.value, 100 for every request',
  })
}

/** Rules of `retries`: what is switched off takes no settings. */
export function checkRetries(retries: Partial<RetrySpec>, place: Place, written: Written): void {
  const off = written('attempts') ? retries.attempts === 0 : true
  const others = ['retryOn', 'perTryTimeout', 'backoff', 'retryIgnorePreviousHosts'].filter((name) => written(name))
  if (!off || others.length === 0) return
  place.report({
    code: 'WEFT_FIELD_CONFLICT',
    message: `Retries are off (attempts is ${written('attempts') ? '0' : 'not set'}), so ${others.join(', ')} cannot be set`,
    remedy: 'Set attempts, or remove the other fields',
  })
}

/** Rules of `redirect`: it changes something, and each thing once. */
export function checkRedirect(_: Partial<RedirectSpec>, place: Place, written: Written): void {
  const changes = ['uri', 'prefixRewrite', 'authority', 'scheme', 'port', 'derivePort']
  if (!changes.some((name) => written(name))) {
    place.report({
      code: 'WEFT_FIELD_MISSING',
      message: 'A redirect needs one of uri, prefixRewrite, authority, scheme and port: it would lead to itself',
    })
  }
  conflict(place, written, 'uri', 'prefixRewrite')
  conflict(place, written, 'port', 'derivePort')
}

/** Rules of `directResponse.body`: one form, of bounded size. */
export function checkBody(body: Partial<BodySpec>, place: Place, written: Written): void {
  conflict(place, written, 'string', 'bytes')
  const size = body.bytes?.length ?? (body.string === undefined ? 0 : Buffer.byteLength(body.string))
  if (size > maxBodyBytes) {
    place.report({ code: 'WEFT_FIELD_VALUE', expected: `a body of at most ${maxBodyBytes} bytes`, got: String(size) })
  }
}

/** Rules of `rewrite`: it rewrites something, and the path in one way. */
export function checkRewrite(_: Partial<RewriteSpec>, place: Place, written: Written): void {
  if (!['uri', 'authority', 'uriRegexRewrite'].some((name) => written(name))) {
    place.report({ code: 'WEFT_FIELD_MISSING', message: 'A rewrite needs uri, uriRegexRewrite or authority' })
  }
  conflict(place, written, 'uri', 'uriRegexRewrite')
}

/** Rules of `uriRegexRewrite`: the replacement names only groups that the pattern has (`\1`, `\\` for a backslash). */
export function checkRegexRewrite(given: Partial<RegexRewriteSpec>, place: Place): void {
  if (given.match === undefined || given.rewrite === undefined) return
  const groups = regexGroups(given.match)
  for (const [, escaped] of given.rewrite.matchAll(/\\(.?)/gs)) {
    if (escaped === '\\') continue
    if (escaped !== undefined && /^\d$/.test(escaped) && Number(escaped) <= groups) continue
    place.at('rewrite').report({
      code: 'WEFT_FIELD_VALUE',
      expected: groups === 0 ? 'a text without group references' : `references \\0 to \\${groups}`,
      got: JSON.stringify(`\\${escaped ?? ''}`),
    })
  }
}

function conflict(place: Place, written: Written, one: string, other: string): void {
  if (!written(one) || !written(other)) return
  place.at(other).report({
    code: 'WEFT_FIELD_CONFLICT',
    message: `${one} and ${other} exclude each other`,
    remedy: 'Keep one of them',
    pointAt: 'key',
  })
}
