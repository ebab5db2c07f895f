import type {
  Fault,
  HeaderMatch,
  HttpAction,
  HttpMatch,
  HttpRouteRule,
  PathMatch,
  QueryMatch,
  RetryPolicy,
  Rewrite,
  StringMatch,
} from '../../../model/index.ts'
import { type FieldPath, originOf } from '../../../resources/index.ts'
import { longestDurationMs } from '../../../resources/schema/index.ts'
import { hostSetBy, toHeaderOperations } from '../fields/headers.ts'
import type { DelaySpec, FaultSpec, RedirectSpec, RetrySpec, RewriteSpec } from './action-schema.ts'
import type { HttpMatchSpec } from './match-schema.ts'
import { defaultConditions } from './retry-on.ts'
import type { HttpRuleSpec } from './schema.ts'
import { type RuleScope, toGateways, toSource, translateLegs } from './translate-legs.ts'

/** Envoy caps the backoff of retries at ten times its base. */
const backoffSpread = 10

/** What one rule of `http` means. `path` is its place in the document. */
export function translateHttpRule(rule: HttpRuleSpec, path: FieldPath, scope: RuleScope): HttpRouteRule {
  const host = rule.rewrite?.authority ?? hostSetBy(rule.headers?.request)
  const rewrite = translateRewrite(rule.rewrite, host)
  const fault = translateFault(rule.fault)
  return {
    ...(rule.name === undefined ? {} : { name: rule.name }),
    matches: (rule.match ?? []).map((match) => translateMatch(match, scope)),
    action: translateAction(rule, path, scope, host),
    ...(rewrite === undefined ? {} : { rewrite }),
    requestHeaders: toHeaderOperations(rule.headers?.request),
    responseHeaders: toHeaderOperations(rule.headers?.response),
    ...(rule.timeout === undefined ? {} : { timeoutMs: rule.timeout }),
    retry: rule.route === undefined ? retriesOff('implicit') : translateRetries(rule.retries),
    ...(fault === undefined ? {} : { fault }),
    origin: originOf(scope.resource, path),
  }
}

function translateAction(rule: HttpRuleSpec, path: FieldPath, scope: RuleScope, host: string | undefined): HttpAction {
  if (rule.redirect !== undefined) return translateRedirect(rule.redirect)
  if (rule.directResponse !== undefined) {
    const { status, body } = rule.directResponse
    const text = body?.string === undefined ? undefined : new TextEncoder().encode(body.string)
    return { kind: 'respond', status, body: body?.bytes ?? text }
  }
  return { kind: 'forward', legs: translateLegs(rule.route ?? [], path, scope, host) }
}

function translateRedirect(redirect: RedirectSpec): HttpAction {
  const derived = redirect.derivePort === 'FROM_REQUEST_PORT' ? 'from-request' : 'protocol-default'
  const port = redirect.port ?? (redirect.derivePort === undefined ? undefined : derived)
  return {
    kind: 'redirect',
    status: redirect.redirectCode ?? 301,
    ...(redirect.uri === undefined ? {} : { path: redirect.uri }),
    ...(redirect.prefixRewrite === undefined ? {} : { prefixRewrite: redirect.prefixRewrite }),
    ...(redirect.authority === undefined ? {} : { authority: redirect.authority }),
    ...(redirect.scheme === undefined ? {} : { scheme: redirect.scheme }),
    ...(port === undefined ? {} : { port }),
  }
}

function translateMatch(match: HttpMatchSpec, scope: RuleScope): HttpMatch {
  const source = toSource(match)
  return {
    ...(match.name === undefined ? {} : { name: match.name }),
    ...(match.uri === undefined ? {} : pathOf(match.uri, match.ignoreUriCase ?? false)),
    ...(match.method === undefined ? {} : { method: match.method }),
    ...(match.scheme === undefined ? {} : { scheme: match.scheme }),
    ...(match.authority === undefined ? {} : { authority: match.authority }),
    headers: [...headersOf(match.headers, false), ...headersOf(match.withoutHeaders, true)],
    query: [...(match.queryParams ?? [])].map(([name, condition]): QueryMatch => ({ name, match: condition })),
    ...(match.port === undefined ? {} : { port: match.port }),
    ...(source === undefined ? {} : { source }),
    gateways: toGateways(match.gateways, scope.resource.namespace) ?? scope.gateways,
  }
}

/** A prefix of Istio's is one of the text, not of path segments: `/foo` takes `/foobar`. */
function pathOf(uri: StringMatch, ignoreCase: boolean): { readonly path?: PathMatch } {
  if (uri.kind === 'exact' || uri.kind === 'prefix') return { path: { kind: uri.kind, value: uri.value, ignoreCase } }
  return uri.kind === 'regex' ? { path: { kind: 'regex', value: uri.value } } : {}
}

function headersOf(conditions: ReadonlyMap<string, StringMatch> | undefined, invert: boolean): readonly HeaderMatch[] {
  return [...(conditions ?? [])].map(([name, match]) => ({ name: name.toLowerCase(), match, invert }))
}

/** `uri` stands in for what the match matched: the prefix, or the whole path of an exact or regex match. */
function translateRewrite(rewrite: RewriteSpec | undefined, authority: string | undefined): Rewrite | undefined {
  const regex = rewrite?.uriRegexRewrite
  if (rewrite?.uri === undefined && regex === undefined && authority === undefined) return undefined
  return {
    ...(rewrite?.uri === undefined ? {} : { path: { kind: 'prefix', value: rewrite.uri } as const }),
    ...(regex === undefined
      ? {}
      : { path: { kind: 'regex', pattern: regex.match, substitution: regex.rewrite } as const }),
    ...(authority === undefined ? {} : { authority }),
  }
}

function retriesOff(source: RetryPolicy['source']): RetryPolicy {
  return { attempts: 0, on: [], retriableStatusCodes: [], avoidPreviousHosts: true, source }
}

/** Istio retries twice where a rule says nothing; `attempts: 0` (or a `retries` without `attempts`) switches it off. */
function translateRetries(retries: RetrySpec | undefined): RetryPolicy {
  if (retries === undefined) {
    return {
      attempts: 2,
      on: defaultConditions,
      retriableStatusCodes: [],
      avoidPreviousHosts: true,
      source: 'implicit',
    }
  }
  const { attempts = 0, retryOn, perTryTimeout, backoff } = retries
  if (attempts === 0) return retriesOff('explicit')
  const named = retryOn !== undefined && retryOn.on.length > 0
  return {
    attempts,
    on: named ? retryOn.on : defaultConditions,
    retriableStatusCodes: retryOn?.statusCodes ?? [],
    ...(perTryTimeout === undefined || perTryTimeout === 0 ? {} : { perTryTimeoutMs: perTryTimeout }),
    ...(backoff === undefined
      ? {}
      : { backoff: { baseMs: backoff, maxMs: Math.min(backoff * backoffSpread, longestDurationMs) } }),
    avoidPreviousHosts: retries.retryIgnorePreviousHosts ?? true,
    source: 'explicit',
  }
}

function translateFault(fault: FaultSpec | undefined): Fault | undefined {
  const { delay, abort } = fault ?? {}
  const delayMs = delay?.fixedDelay
  if (delayMs === undefined && abort === undefined) return undefined
  const status =
    abort?.grpcStatus === undefined
      ? ({ kind: 'http', code: abort?.httpStatus ?? 0 } as const)
      : ({ kind: 'grpc', code: abort.grpcStatus } as const)
  return {
    ...(delay === undefined || delayMs === undefined ? {} : { delay: { fraction: shareOf(delay), delayMs } }),
    ...(abort === undefined ? {} : { abort: { fraction: { partsPerMillion: abort.percentage ?? 0 }, status } }),
  }
}

/** `percentage` wins over the older `percent`; with neither nothing is delayed. */
function shareOf(delay: DelaySpec): { readonly partsPerMillion: number } {
  return { partsPerMillion: delay.percentage ?? (delay.percent ?? 0) * 10_000 }
}
