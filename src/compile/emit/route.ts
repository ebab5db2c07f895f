import { create } from '@bufbuild/protobuf'
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt'
import { assertNever } from '../../base/index.ts'
import type { Fault, Fraction, HashKey, RetryPolicy } from '../../model/index.ts'
import {
  type DirectResponseActionSchema,
  type RedirectActionSchema,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RetryPolicySchema,
  type RouteAction_HashPolicySchema,
  type RouteActionSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
  type WeightedCluster_ClusterWeightSchema,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { HTTPFaultSchema } from '../../xds/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { PreviousHostsPredicateSchema } from '../../xds/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { FractionalPercent_DenominatorType } from '../../xds/generated/envoy/type/v3/percent_pb.ts'
import { connectCluster } from '../../xds/index.ts'
import type { ActionPlan, LegPlan, RoutePlan, VirtualHostPlan } from '../plan.ts'
import { extension, pack } from './extension.ts'
import { headerFields, isEmpty } from './header-options.ts'
import type { Init } from './init.ts'
import { originOf } from './metadata.ts'
import { routeMatch } from './route-match.ts'

/**
 * How often a retry draws again when it has drawn a host that was tried already. A host that refuses connections has the
 * fewest requests, so least-request prefers it: of two hosts, three draws in four are it. Istio's 5 would hit it again in
 * one retry of six, this number in one of four hundred.
 */
const hostDraws = 20n

/** Name of the fault filter, under which routes carry their faults. */
export const faultFilterName = 'envoy.filters.http.fault'

/** How long streams of HTTP/2 and tunnels may be silent, milliseconds: as long as a TCP connection; Envoy's 5 minutes would end watches. */
export const longStreamIdleMs = 3_600_000

/** Name of the route that takes CONNECT. */
const connectRouteName = 'connect'

type RedirectPlan = Extract<ActionPlan, { readonly kind: 'redirect' }>

/** Writes a virtual host. */
export function virtualHost(plan: VirtualHostPlan): VirtualHost {
  return create(VirtualHostSchema, {
    name: plan.name,
    domains: [...plan.domains],
    routes: plan.routes.map(route),
    metadata: originOf(plan.origin),
  })
}

/** Writes a virtual host of the HTTP proxy, with a route for CONNECT behind the others, which never match it. */
export function proxiedHost(plan: VirtualHostPlan): VirtualHost {
  const host = virtualHost(plan)
  host.routes.push(create(RouteSchema, connectRoute))
  return host
}

/** A tunnel ends in the proxy itself, at the listener that it was asked of: what is inside is routed as if there were none. */
const connectRoute: Init<typeof RouteSchema> = {
  name: connectRouteName,
  match: { pathSpecifier: { case: 'connectMatcher', value: {} } },
  action: {
    case: 'route',
    value: {
      clusterSpecifier: { case: 'cluster', value: connectCluster },
      timeout: { seconds: 0n },
      idleTimeout: durationFromMs(longStreamIdleMs),
      upgradeConfigs: [{ upgradeType: 'CONNECT', connectConfig: {} }],
    },
  },
}

function route(plan: RoutePlan): Init<typeof RouteSchema> {
  return {
    name: plan.name,
    match: routeMatch(plan.match),
    action: action(plan),
    ...headerFields(plan.requestHeaders, plan.responseHeaders),
    ...(plan.fault === undefined ? {} : { typedPerFilterConfig: { [faultFilterName]: fault(plan.fault) } }),
    metadata: originOf(plan.origin),
  }
}

function action(plan: RoutePlan): NonNullable<Init<typeof RouteSchema>['action']> {
  if (plan.action.kind === 'redirect') return { case: 'redirect', value: redirect(plan.action) }
  if (plan.action.kind === 'respond') return { case: 'directResponse', value: directResponse(plan.action) }
  return { case: 'route', value: forward(plan, plan.action.legs) }
}

function forward(plan: RoutePlan, legs: readonly LegPlan[]): Init<typeof RouteActionSchema> {
  const { pathRewrite, hostRewrite, retry } = plan
  return {
    clusterSpecifier: clusters(legs),
    ...(pathRewrite?.kind === 'prefix' ? { prefixRewrite: pathRewrite.value } : {}),
    ...(pathRewrite?.kind === 'regex'
      ? { regexRewrite: { pattern: { regex: pathRewrite.pattern }, substitution: pathRewrite.substitution } }
      : {}),
    ...(hostRewrite === undefined
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral' as const, value: hostRewrite } }),
    timeout: durationFromMs(plan.timeoutMs),
    ...(plan.longStreams ? { idleTimeout: durationFromMs(longStreamIdleMs) } : {}),
    ...(retry === undefined ? {} : { retryPolicy: retryPolicy(retry) }),
    ...(plan.hashKeys.length === 0 ? {} : { hashPolicy: plan.hashKeys.map(hashPolicy) }),
  }
}

function hashPolicy(key: HashKey): Init<typeof RouteAction_HashPolicySchema> {
  switch (key.kind) {
    case 'header':
      return { policySpecifier: { case: 'header', value: { headerName: key.name } } }
    case 'cookie': {
      const { name, path, ttlMs } = key
      const ttl = ttlMs === undefined ? {} : { ttl: durationFromMs(ttlMs) }
      return { policySpecifier: { case: 'cookie', value: { name, path, ...ttl } } }
    }
    case 'source-ip':
      return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } }
    case 'query':
      return { policySpecifier: { case: 'queryParameter', value: { name: key.name } } }
    default:
      return assertNever(key)
  }
}

/** One leg without edits of its own is a plain cluster; its headers need a weighted one, even alone. */
function clusters(legs: readonly LegPlan[]): NonNullable<Init<typeof RouteActionSchema>['clusterSpecifier']> {
  const [only] = legs
  if (only !== undefined && legs.length === 1 && isPlain(only)) return { case: 'cluster', value: only.cluster.name }
  return { case: 'weightedClusters', value: { clusters: legs.map(clusterWeight) } }
}

function isPlain(leg: LegPlan): boolean {
  return leg.hostRewrite === undefined && isEmpty(leg.requestHeaders) && isEmpty(leg.responseHeaders)
}

function clusterWeight(leg: LegPlan): Init<typeof WeightedCluster_ClusterWeightSchema> {
  return {
    name: leg.cluster.name,
    weight: leg.weight,
    ...headerFields(leg.requestHeaders, leg.responseHeaders),
    ...(leg.hostRewrite === undefined
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral' as const, value: leg.hostRewrite } }),
  }
}

function redirect(plan: RedirectPlan): Init<typeof RedirectActionSchema> {
  const responseCode = {
    301: RedirectCode.MOVED_PERMANENTLY,
    302: RedirectCode.FOUND,
    303: RedirectCode.SEE_OTHER,
    307: RedirectCode.TEMPORARY_REDIRECT,
    308: RedirectCode.PERMANENT_REDIRECT,
  }[plan.status]
  return {
    responseCode,
    ...(plan.authority === undefined ? {} : { hostRedirect: plan.authority }),
    ...(plan.port === undefined ? {} : { portRedirect: plan.port }),
    ...(plan.scheme === undefined
      ? {}
      : { schemeRewriteSpecifier: { case: 'schemeRedirect' as const, value: plan.scheme } }),
    ...(plan.path === undefined ? {} : { pathRewriteSpecifier: { case: 'pathRedirect' as const, value: plan.path } }),
    ...(plan.prefixRewrite === undefined
      ? {}
      : { pathRewriteSpecifier: { case: 'prefixRewrite' as const, value: plan.prefixRewrite } }),
  }
}

function directResponse(plan: {
  readonly status: number
  readonly body: Uint8Array | undefined
}): Init<typeof DirectResponseActionSchema> {
  const { status, body } = plan
  if (body === undefined) return { status }
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
  const isText = Buffer.from(text, 'utf8').equals(body)
  return {
    status,
    body: { specifier: isText ? { case: 'inlineString', value: text } : { case: 'inlineBytes', value: body } },
  }
}

function retryPolicy(plan: RetryPolicy): Init<typeof RetryPolicySchema> {
  const { perTryTimeoutMs, backoff } = plan
  return {
    retryOn: plan.on.join(','),
    numRetries: plan.attempts,
    ...(perTryTimeoutMs === undefined || perTryTimeoutMs === 0
      ? {}
      : { perTryTimeout: durationFromMs(perTryTimeoutMs) }),
    ...(plan.retriableStatusCodes.length === 0 ? {} : { retriableStatusCodes: [...plan.retriableStatusCodes] }),
    ...(backoff === undefined
      ? {}
      : {
          retryBackOff: {
            baseInterval: durationFromMs(backoff.baseMs),
            maxInterval: durationFromMs(Math.max(backoff.maxMs, backoff.baseMs)),
          },
        }),
    ...(plan.avoidPreviousHosts
      ? {
          retryHostPredicate: [
            extension('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {}),
          ],
          hostSelectionRetryMaxAttempts: hostDraws,
        }
      : {}),
  }
}

function fault(plan: Fault): Any {
  const { delay, abort } = plan
  return pack(HTTPFaultSchema, {
    ...(delay === undefined
      ? {}
      : {
          delay: {
            faultDelaySecifier: { case: 'fixedDelay', value: durationFromMs(delay.delayMs) },
            percentage: share(delay.fraction),
          },
        }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            errorType: {
              case: abort.status.kind === 'http' ? 'httpStatus' : 'grpcStatus',
              value: abort.status.code,
            },
            percentage: share(abort.fraction),
          },
        }),
  })
}

function share(fraction: Fraction): {
  readonly numerator: number
  readonly denominator: FractionalPercent_DenominatorType
} {
  return { numerator: fraction.partsPerMillion, denominator: FractionalPercent_DenominatorType.MILLION }
}
