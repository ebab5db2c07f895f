import type { HttpMatch, HttpRouteRule, SourceMatch } from '../../../model/index.ts'
import { type ClientView, hasLabels, meshGateway } from '../../select/index.ts'
import type { RoutePolicy } from '../route-policy.ts'

/** Conditions that are left for the request; those on the caller, the port and the gateway were decided by `applicableMatches`. */
export const routeMatchPolicy: RoutePolicy = {
  name: 'route-match',
  apply(plan, { rule, match }) {
    plan.match = match
    plan.name = [rule.name, match?.name].filter((part) => part !== undefined && part !== '').join('.')
  },
}

/**
 * The matches of a rule that can hold for calls of this client to this port. `[undefined]`: the rule takes every
 * request; an empty list: the rule is not for this client.
 */
export function applicableMatches(
  view: ClientView,
  rule: HttpRouteRule,
  port: number,
): readonly (HttpMatch | undefined)[] {
  if (rule.matches.length === 0) return [undefined]
  return rule.matches.filter((match) => (match.port ?? port) === port && isFromClient(view, match))
}

/** Whether the caller's side of a match holds: its labels, its namespace, and `mesh` among the gateways. */
export function isFromClient(
  view: ClientView,
  match: { readonly source?: SourceMatch; readonly gateways: readonly string[] },
): boolean {
  if (match.gateways.length > 0 && !match.gateways.includes(meshGateway)) return false
  const { source } = match
  if (source === undefined) return true
  if (source.namespace !== undefined && source.namespace !== view.workload.namespace) return false
  return hasLabels(view.workload.labels, source.labels)
}

/** Whether a match leaves no condition for the request, so that no later route can be reached. */
export function isCatchAll(match: HttpMatch | undefined): boolean {
  if (match === undefined) return true
  const { path } = match
  const everyPath = path === undefined || (path.kind !== 'exact' && path.kind !== 'regex' && path.value === '/')
  return (
    everyPath &&
    match.method === undefined &&
    match.scheme === undefined &&
    match.authority === undefined &&
    match.headers.length === 0 &&
    match.query.length === 0
  )
}
