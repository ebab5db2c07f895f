import type { HttpMatch, HttpRoute, HttpRouteRule } from '../model/index.ts'
import { outboundClusterName } from '../xds/index.ts'
import { routePasses } from './passes.ts'
import type { ClusterRef, RoutePlan, VirtualHostPlan } from './plan.ts'
import { hashKeys } from './policies/hash-keys/hash-keys.ts'
import { noHeaderOperations } from './policies/headers/headers.ts'
import { implicitRetry } from './policies/retry/retry.ts'
import { applicableMatches, isCatchAll } from './policies/route-match/route-match.ts'
import { legCluster, weighted } from './policies/split/split.ts'
import { type ClientView, findRoute, type ResolvedAuthority } from './select/index.ts'
import { wireProtocol } from './wire-protocol.ts'

/** One rule and the matches of it that concern the client. */
interface SelectedRule {
  readonly rule: HttpRouteRule
  readonly matches: readonly (HttpMatch | undefined)[]
}

/** What decides the routes of a host for one client. Equal keys make equal virtual hosts in one mesh. */
export interface RouteSelection {
  readonly target: ResolvedAuthority
  readonly route: HttpRoute | undefined
  readonly rules: readonly SelectedRule[]
  readonly key: string
}

/** Finds the route object of a resolved authority and drops what is not for this client or port. */
export function selectRoutes(view: ClientView, target: ResolvedAuthority): RouteSelection {
  const host = target.kind === 'service' ? target.service.host : target.host
  const port = target.kind === 'service' ? target.port.number : target.port
  const found = findRoute(view, host)
  const route = found !== undefined && found.http.length > 0 ? found : undefined
  const rules = (route?.http ?? [])
    .map((rule) => ({ rule, matches: applicableMatches(view, rule, port) }))
    .filter((selected) => selected.matches.length > 0)
  const key = `${selectionKey({ host, port, route, rules })}${hashKeyText(view, target, route, rules)}`
  return { target, route, rules, key }
}

/** Which keys are hashed depends on the client: another one may have another destination rule. */
function hashKeyText(
  view: ClientView,
  target: ResolvedAuthority,
  route: HttpRoute | undefined,
  rules: readonly SelectedRule[],
): string {
  const port = target.kind === 'service' ? target.port.number : target.port
  const text = (refs: readonly ClusterRef[]): string => {
    const keys = hashKeys(view, refs)
    return keys.length === 0 ? '' : JSON.stringify(keys)
  }
  if (route === undefined) return target.kind === 'service' ? text([ownCluster(target)]) : ''
  const texts = rules.map(({ rule: { action } }) =>
    action.kind === 'forward' ? text(weighted(action.legs).map((leg) => legCluster(view, leg, port))) : '',
  )
  return texts.some((each) => each !== '') ? ` ${texts.join(' ')}` : ''
}

function selectionKey(selection: {
  readonly host: string
  readonly port: number
  readonly route: HttpRoute | undefined
  readonly rules: readonly SelectedRule[]
}): string {
  const { host, port, route, rules } = selection
  if (route === undefined) return `${host} ${port}`
  const kept = rules.map(({ rule, matches }) => {
    const indexes = matches.map((match) => (match === undefined ? '' : rule.matches.indexOf(match)))
    return `${route.http.indexOf(rule)}:${indexes.join('.')}`
  })
  return `${host} ${port} ${route.namespace}/${route.name} ${kept.join(',')}`
}

/**
 * The virtual host of a selection. Without a route object, everything goes to the service, with Istio's implicit retries. With
 * one of which no rule is for this client, there is no route: 404.
 */
export function planVirtualHost(
  view: ClientView,
  selection: RouteSelection,
  label: { readonly name: string; readonly domains: readonly string[] },
): VirtualHostPlan {
  const { target, route, rules } = selection
  if (route === undefined) {
    const routes = target.kind === 'service' ? [defaultRoute(view, target)] : []
    const origin = target.kind === 'service' ? target.service.origin : view.workload.origin
    return { ...label, routes, origin }
  }
  const port = target.kind === 'service' ? target.port.number : target.port
  const longStreams = target.kind === 'service' && wireProtocol(target.port.protocol) === 'http2'
  const routes: RoutePlan[] = []
  for (const { rule, matches } of rules) {
    for (const match of matches) {
      const plan = emptyRoute(rule, longStreams)
      for (const pass of routePasses) pass.apply(plan, { view, rule, match, port })
      routes.push(plan)
      // Nothing behind a route without conditions can be reached.
      if (isCatchAll(match)) return { ...label, routes, origin: route.origin }
    }
  }
  return { ...label, routes, origin: route.origin }
}

function emptyRoute(rule: HttpRouteRule, longStreams: boolean): RoutePlan {
  return {
    name: '',
    match: undefined,
    action: { kind: 'respond', status: 503, body: undefined },
    pathRewrite: undefined,
    hostRewrite: undefined,
    requestHeaders: noHeaderOperations,
    responseHeaders: noHeaderOperations,
    timeoutMs: 0,
    longStreams,
    retry: undefined,
    fault: undefined,
    hashKeys: [],
    origin: rule.origin,
  }
}

type ServiceTarget = Extract<ResolvedAuthority, { readonly kind: 'service' }>

function ownCluster({ service, port }: ServiceTarget): ClusterRef {
  const { host, origin } = service
  return { name: outboundClusterName(port.number, '', host), host, port: port.number, subset: '', origin }
}

function defaultRoute(view: ClientView, target: ServiceTarget): RoutePlan {
  const cluster = ownCluster(target)
  return {
    name: 'default',
    match: undefined,
    action: {
      kind: 'split',
      legs: [
        {
          cluster,
          weight: 1,
          hostRewrite: undefined,
          requestHeaders: noHeaderOperations,
          responseHeaders: noHeaderOperations,
        },
      ],
    },
    pathRewrite: undefined,
    hostRewrite: undefined,
    requestHeaders: noHeaderOperations,
    responseHeaders: noHeaderOperations,
    timeoutMs: 0,
    longStreams: wireProtocol(target.port.protocol) === 'http2',
    retry: implicitRetry,
    fault: undefined,
    hashKeys: hashKeys(view, [cluster]),
    origin: cluster.origin,
  }
}
