import type { Duration } from '@bufbuild/protobuf/wkt'

import {
  RedirectAction_RedirectResponseCode,
  type DirectResponseAction,
  type RedirectAction,
  type RouteAction,
  type WeightedCluster,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import type { Metadata } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type { RegexMatchAndSubstitute } from '../../xds/generated/envoy/type/matcher/v3/regex_pb.ts'
import {
  parseSubstitution,
  type CompiledRetry,
  type ForwardDefinition,
  type LegDefinition,
  type PathMatch,
  type PathRewrite,
  type RedirectDefinition,
  type RespondDefinition,
  type StreamDuration,
} from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'
import { compilePerFilter, type PerFilterSettings } from './compile-per-filter.ts'
import { compileHashPolicies } from './compile-hash-policy.ts'
import { compileRetry } from './compile-retry.ts'
import { compileRegex } from './compile-route-match.ts'
import { compileRouteUpgrades } from './compile-upgrades.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger, dataSourceBytes, durationMs, requiredText } from './field-values.ts'
import { levelEdits } from './header-edits-values.ts'
import { subsetMatchOf } from './metadata-values.ts'

/** What a route's action gets from the levels above it. */
export interface InheritedSettings {
  readonly match: PathMatch
  /** Of the route, else the virtual host. */
  readonly perFilter: PerFilterSettings
  /** Of the virtual host. */
  readonly retry: CompiledRetry | undefined
}

/** Largest sum of weights, as in Envoy. */
const maxTotalWeight = 0xffff_ffff

/** Envoy's default route timeout. */
const defaultTimeoutMs = 15_000

/** Compiles `RouteAction`. */
export function compileForward(
  context: CompileContext,
  path: string,
  field: { readonly action: RouteAction; readonly inherited: InheritedSettings },
): ForwardDefinition {
  const { action, inherited } = field
  const timeout = { value: action.timeout, absent: defaultTimeoutMs }
  const timeoutMs = durationMs(context, fieldPath(path, 'timeout'), timeout)
  return {
    kind: 'forward',
    legs: compileLegs(context, path, action, inherited.perFilter),
    pathRewrite: compileRewrite(context, path, { message: action, match: inherited.match }),
    // The duration of the stream takes the timeout's place, as in Envoy.
    timeoutMs: action.maxStreamDuration === undefined ? timeoutMs : 0,
    idleTimeoutMs: durationMs(context, fieldPath(path, 'idle_timeout'), {
      value: action.idleTimeout,
      absent: undefined,
    }),
    streamDuration: compileStreamDuration(context, fieldPath(path, 'max_stream_duration'), action.maxStreamDuration),
    // A route's policy replaces that of the virtual host, it is not merged with it.
    retry:
      action.retryPolicy === undefined
        ? inherited.retry
        : compileRetry(context, fieldPath(path, 'retry_policy'), action.retryPolicy),
    hashPolicies: compileHashPolicies(context, fieldPath(path, 'hash_policy'), action.hashPolicy),
    upgrades: compileRouteUpgrades(context, fieldPath(path, 'upgrade_configs'), action.upgradeConfigs),
  }
}

function compileStreamDuration(
  context: CompileContext,
  path: string,
  message: RouteAction['maxStreamDuration'],
): StreamDuration | undefined {
  if (message === undefined) return undefined
  const { maxStreamDuration, grpcTimeoutHeaderMax, grpcTimeoutHeaderOffset } = message
  const ms = (field: string, value: Duration | undefined): number | undefined =>
    durationMs(context, fieldPath(path, field), { value, absent: undefined })
  return Object.freeze({
    maxMs: ms('max_stream_duration', maxStreamDuration),
    grpcMaxMs: ms('grpc_timeout_header_max', grpcTimeoutHeaderMax),
    grpcOffsetMs: ms('grpc_timeout_header_offset', grpcTimeoutHeaderOffset) ?? 0,
  })
}

function compileLegs(
  context: CompileContext,
  path: string,
  action: RouteAction,
  perFilter: PerFilterSettings,
): readonly LegDefinition[] {
  const rewrite = action.hostRewriteSpecifier
  const hostRewrite = rewrite.case === 'hostRewriteLiteral' ? hostName(context, path, rewrite.value) : undefined
  const specifier = action.clusterSpecifier
  switch (specifier.case) {
    case 'cluster': {
      const cluster = requiredText(context, fieldPath(path, 'cluster'), specifier.value)
      const { fault, session } = perFilter
      const subset = subsetMatchOf(action.metadataMatch, undefined)
      return [
        { cluster, weight: 1, hostRewrite, fault, session, subset, requestEdits: undefined, responseEdits: undefined },
      ]
    }
    case 'weightedClusters':
      return compileWeighted(context, fieldPath(path, 'weighted_clusters'), {
        clusters: specifier.value,
        hostRewrite,
        perFilter,
        metadata: action.metadataMatch,
      })
    case undefined:
      context.faults.add(path, 'Expected cluster or weighted_clusters')
      return []
    default:
      // Reported by the support check.
      return []
  }
}

function compileWeighted(
  context: CompileContext,
  path: string,
  field: {
    readonly clusters: WeightedCluster
    readonly hostRewrite: string | undefined
    readonly perFilter: PerFilterSettings
    readonly metadata: Metadata | undefined
  },
): readonly LegDefinition[] {
  let total = 0
  const legs = field.clusters.clusters.map((entry, index): LegDefinition => {
    const at = `${path}.clusters[${index}]`
    const weight = entry.weight ?? 0
    total += weight
    const rewrite = entry.hostRewriteSpecifier
    return {
      cluster: requiredText(context, `${at}.name`, entry.name),
      weight,
      hostRewrite: rewrite.case === 'hostRewriteLiteral' ? hostName(context, at, rewrite.value) : field.hostRewrite,
      ...compilePerFilter(context, at, entry.typedPerFilterConfig, field.perFilter),
      subset: subsetMatchOf(field.metadata, entry.metadataMatch),
      ...levelEdits(context, at, entry),
    }
  })
  if (total === 0) context.faults.add(`${path}.clusters`, 'Expected weights with a sum above 0')
  if (total > maxTotalWeight)
    context.faults.add(`${path}.clusters`, `Expected weights with a sum of at most ${maxTotalWeight}`)
  return legs
}

function hostName(context: CompileContext, path: string, host: string): string {
  // The value becomes the Host header: nothing that could end the line or the URL's authority.
  if (!/^[\u0021-\u007e]+$/.test(host) || /[/?#@\\]/.test(host)) {
    context.faults.add(fieldPath(path, 'host_rewrite_literal'), `Expected a host name, got ${JSON.stringify(host)}`)
  }
  return host
}

interface RewriteMessage {
  readonly prefixRewrite: string
  readonly regexRewrite?: RegexMatchAndSubstitute | undefined
}

function compileRewrite(
  context: CompileContext,
  path: string,
  field: { readonly message: RewriteMessage; readonly match: PathMatch },
): PathRewrite | undefined {
  const { prefixRewrite, regexRewrite } = field.message
  if (field.match.kind === 'connect' && (prefixRewrite !== '' || regexRewrite !== undefined)) {
    context.faults.add(path, 'Expected no rewrite of the path: a CONNECT, which connect_matcher matches, has none')
  }
  if (prefixRewrite !== '' && regexRewrite !== undefined) {
    context.faults.add(fieldPath(path, 'regex_rewrite'), 'Expected prefix_rewrite or regex_rewrite, not both')
  }
  if (prefixRewrite !== '')
    return prefixReplacement(context, fieldPath(path, 'prefix_rewrite'), prefixRewrite, field.match)
  return regexRewrite === undefined
    ? undefined
    : regexReplacement(context, fieldPath(path, 'regex_rewrite'), regexRewrite)
}

/** With an exact path or a regular expression, what was matched is the whole path. */
function prefixReplacement(context: CompileContext, path: string, replacement: string, match: PathMatch): PathRewrite {
  checkPath(context, path, replacement)
  const isPrefix = match.kind === 'prefix' || match.kind === 'separated-prefix'
  return Object.freeze(isPrefix ? { kind: 'prefix', matched: match.value, replacement } : { kind: 'full', replacement })
}

function regexReplacement(
  context: CompileContext,
  path: string,
  message: RegexMatchAndSubstitute,
): PathRewrite | undefined {
  checkPath(context, `${path}.substitution`, message.substitution)
  const regex = compileRegex(context, fieldPath(path, 'pattern'), message.pattern)
  if (regex === undefined) return undefined
  const substitution = parseSubstitution(message.substitution, regex.groupCount)
  if (!substitution.ok) {
    context.faults.add(`${path}.substitution`, substitution.error)
    return undefined
  }
  return Object.freeze({ kind: 'regex', apply: (text: string) => regex.replaceAll(text, substitution.value) })
}

function checkPath(context: CompileContext, path: string, text: string): void {
  if (!/^[\u0021-\u007e]*$/.test(text)) context.faults.add(path, 'Expected visible ASCII characters only')
}

const redirectCodes: ReadonlyMap<RedirectAction_RedirectResponseCode, number> = new Map([
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY, 301],
  [RedirectAction_RedirectResponseCode.FOUND, 302],
  [RedirectAction_RedirectResponseCode.SEE_OTHER, 303],
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT, 307],
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT, 308],
])

/** Compiles `RedirectAction`. */
export function compileRedirect(
  context: CompileContext,
  path: string,
  field: { readonly action: RedirectAction; readonly match: PathMatch },
): RedirectDefinition {
  const { action, match } = field
  const status = redirectCodes.get(action.responseCode)
  if (status === undefined) context.faults.add(fieldPath(path, 'response_code'), 'Expected one of the named codes')
  checkPath(context, fieldPath(path, 'host_redirect'), action.hostRedirect)
  return {
    kind: 'redirect',
    status: status ?? 301,
    scheme: redirectScheme(context, path, action),
    host: action.hostRedirect === '' ? undefined : action.hostRedirect,
    port: action.portRedirect === 0 ? undefined : redirectPort(context, path, action.portRedirect),
    path: redirectPath(context, path, field.action, match),
    stripQuery: action.stripQuery,
  }
}

function redirectScheme(context: CompileContext, path: string, action: RedirectAction): string | undefined {
  const scheme = action.schemeRewriteSpecifier
  if (scheme.case === 'httpsRedirect') return scheme.value ? 'https' : undefined
  if (scheme.case !== 'schemeRedirect' || scheme.value === '') return undefined
  if (!/^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme.value)) {
    context.faults.add(fieldPath(path, 'scheme_redirect'), `Expected a scheme, got ${JSON.stringify(scheme.value)}`)
  }
  return scheme.value
}

function redirectPort(context: CompileContext, path: string, port: number): number {
  return boundedInteger(context, fieldPath(path, 'port_redirect'), { value: port, absent: 80, min: 1, max: 65_535 })
}

function redirectPath(
  context: CompileContext,
  path: string,
  action: RedirectAction,
  match: PathMatch,
): PathRewrite | undefined {
  const specifier = action.pathRewriteSpecifier
  switch (specifier.case) {
    case 'pathRedirect':
      checkPath(context, fieldPath(path, 'path_redirect'), specifier.value)
      return specifier.value === '' ? undefined : Object.freeze({ kind: 'full', replacement: specifier.value })
    case 'prefixRewrite':
      return specifier.value === ''
        ? undefined
        : prefixReplacement(context, fieldPath(path, 'prefix_rewrite'), specifier.value, match)
    case 'regexRewrite':
      return regexReplacement(context, fieldPath(path, 'regex_rewrite'), specifier.value)
    default:
      return undefined
  }
}

/** Compiles `DirectResponseAction`. */
export function compileRespond(
  context: CompileContext,
  path: string,
  field: { readonly action: DirectResponseAction; readonly maxBodyBytes: number },
): RespondDefinition {
  const status = field.action.status
  const body = dataSourceBytes(context, fieldPath(path, 'body'), field.action.body) ?? new Uint8Array()
  if (body.length > field.maxBodyBytes) {
    const limit = `${field.maxBodyBytes} bytes (max_direct_response_body_size_bytes)`
    context.faults.add(fieldPath(path, 'body'), `Expected at most ${limit}, got ${body.length}`)
  }
  if (status < 200 || status > 599) {
    context.faults.add(fieldPath(path, 'status'), `Expected a status from 200 to 599, got ${status}`)
  }
  return { kind: 'respond', status, body }
}
