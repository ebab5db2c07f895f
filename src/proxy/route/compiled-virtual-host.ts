import { assertNever } from '../../base/index.ts'
import { createCandidateIndex } from './candidate-index.ts'
import type { Decision, ForwardDecision, RequestView, RouteFacts } from './decision.ts'
import { drawShare } from './draw-fault.ts'
import { mergeHeaderEdits } from './header-edits.ts'
import { compileHeaderMatch, compileQueryMatch, type Condition } from './match-conditions.ts'
import { redirectLocation } from './redirect-location.ts'
import type {
  ForwardDefinition,
  LevelEdits,
  PathMatch,
  RouteDefinition,
  VirtualHostDefinition,
} from './route-definition.ts'

/** A virtual host ready to match; undefined when no route does. */
export type CompiledVirtualHost = (
  request: RequestView,
  random: () => number,
  split: () => number,
) => Decision | undefined

/** Edits of the table, and in which order levels are applied. */
export interface TableLevel extends LevelEdits {
  readonly mostSpecificEditsWin: boolean
}

interface CompiledRoute {
  readonly path: PathMatch
  /** Header and query conditions; undefined when there are none. */
  readonly conditions: readonly Condition[] | undefined
  readonly partsPerMillion: number | undefined
  readonly outcome: Outcome
}

type Outcome =
  | { readonly kind: 'constant'; readonly decision: Decision }
  | { readonly kind: 'weighted'; readonly bounds: readonly number[]; readonly decisions: readonly Decision[] }
  | { readonly kind: 'computed'; readonly decide: (request: RequestView) => Decision }

/** Compiles a virtual host: decisions are made here, once; matching only chooses among them. */
export function compileVirtualHostRoutes(host: VirtualHostDefinition, table: TableLevel): CompiledVirtualHost {
  const routes = host.routes.map((route) => compileRoute(route, host, table))
  // CONNECT has no path: routes that look at one never match it, and those for it match nothing else.
  const connectRoutes = routes.filter(({ path }) => path.kind === 'connect')
  const index = createCandidateIndex(routes.filter(({ path }) => path.kind !== 'connect'))
  return (request, random, split) => {
    const path = request.path
    for (const route of request.method === 'CONNECT' ? connectRoutes : index.candidates(path)) {
      if (matches(route, path, request, random)) return draw(route.outcome, request, split)
    }
    return undefined
  }
}

function matches(route: CompiledRoute, path: string, request: RequestView, random: () => number): boolean {
  if (!matchesPath(route.path, path)) return false
  if (route.conditions !== undefined) {
    for (const condition of route.conditions) if (!condition(request)) return false
  }
  return route.partsPerMillion === undefined || drawShare(route.partsPerMillion, random)
}

function matchesPath(match: PathMatch, path: string): boolean {
  switch (match.kind) {
    case 'prefix':
      return folded(path, match.ignoreCase).startsWith(match.value)
    case 'exact':
      return folded(path, match.ignoreCase) === match.value
    case 'separated-prefix': {
      const { value } = match
      const ended = path.length === value.length || path.charCodeAt(value.length) === 47 /* slash */
      return ended && folded(path, match.ignoreCase).startsWith(value)
    }
    case 'regex':
      return match.regex.matchesAll(path)
    case 'connect':
      return true
    default:
      return assertNever(match)
  }
}

function folded(path: string, ignoreCase: boolean): string {
  return ignoreCase ? path.toLowerCase() : path
}

function draw(outcome: Outcome, request: RequestView, split: () => number): Decision | undefined {
  switch (outcome.kind) {
    case 'constant':
      return outcome.decision
    case 'weighted': {
      const { bounds, decisions } = outcome
      const last = bounds.length - 1
      const point = split() * (bounds[last] ?? 0)
      let leg = 0
      while (leg < last && point >= (bounds[leg] ?? 0)) leg++
      return decisions[leg]
    }
    case 'computed':
      return outcome.decide(request)
    default:
      return assertNever(outcome)
  }
}

function compileRoute(route: RouteDefinition, host: VirtualHostDefinition, table: TableLevel): CompiledRoute {
  const conditions = [...route.match.headers.map(compileHeaderMatch), ...route.match.query.map(compileQueryMatch)]
  const path = route.match.path
  return {
    path: 'value' in path && path.ignoreCase ? { ...path, value: path.value.toLowerCase() } : path,
    conditions: conditions.length === 0 ? undefined : conditions,
    partsPerMillion: route.match.partsPerMillion,
    outcome: compileOutcome(route, host, table),
  }
}

function compileOutcome(route: RouteDefinition, host: VirtualHostDefinition, table: TableLevel): Outcome {
  const facts: RouteFacts = Object.freeze({
    name: route.name,
    virtualHost: host.name,
    origin: route.origin,
    rbac: route.rbac,
  })
  const levels: readonly LevelEdits[] = [route, host, table]
  const action = route.action
  switch (action.kind) {
    case 'forward':
      return compileForward(action, facts, levels, table.mostSpecificEditsWin)
    case 'respond': {
      const responseEdits = mergeLevels(levels, 'responseEdits', { mostSpecificWins: table.mostSpecificEditsWin })
      const { status, body } = action
      return {
        kind: 'constant',
        decision: Object.freeze({ kind: 'respond', route: facts, status, body, responseEdits }),
      }
    }
    case 'redirect': {
      const responseEdits = mergeLevels(levels, 'responseEdits', { mostSpecificWins: table.mostSpecificEditsWin })
      return {
        kind: 'computed',
        decide: (request) => ({
          kind: 'redirect',
          route: facts,
          status: action.status,
          location: redirectLocation(action, request),
          responseEdits,
        }),
      }
    }
    default:
      return assertNever(action)
  }
}

function compileForward(
  action: ForwardDefinition,
  route: RouteFacts,
  levels: readonly LevelEdits[],
  mostSpecificWins: boolean,
): Outcome {
  const decisions = action.legs.map((leg): ForwardDecision =>
    Object.freeze({
      kind: 'forward',
      route: leg.rbac === undefined ? route : Object.freeze({ ...route, rbac: leg.rbac }),
      cluster: leg.cluster,
      pathRewrite: action.pathRewrite,
      hostRewrite: leg.hostRewrite,
      requestEdits: mergeLevels(levels, 'requestEdits', { mostSpecificWins, leg }),
      responseEdits: mergeLevels(levels, 'responseEdits', { mostSpecificWins, leg }),
      timeoutMs: action.timeoutMs,
      idleTimeoutMs: action.idleTimeoutMs,
      retry: action.retry,
      streamDuration: action.streamDuration,
      hashPolicies: action.hashPolicies,
      subset: leg.subset,
      session: leg.session,
      upgrades: action.upgrades,
      fault: leg.fault,
    }),
  )
  const [only] = decisions
  if (only !== undefined && decisions.length === 1) return { kind: 'constant', decision: only }
  let sum = 0
  const bounds = action.legs.map((leg) => (sum += leg.weight))
  return { kind: 'weighted', bounds, decisions }
}

/**
 * Envoy applies route, virtual host and table in this order, so that the table's edits win, unless the table says
 * otherwise; the edits of a weighted cluster come before all of them either way.
 */
function mergeLevels(
  specificFirst: readonly LevelEdits[],
  side: 'requestEdits' | 'responseEdits',
  options: { readonly mostSpecificWins: boolean; readonly leg?: LevelEdits },
): ForwardDecision['requestEdits'] {
  const order = options.mostSpecificWins ? specificFirst.toReversed() : specificFirst
  return mergeHeaderEdits([options.leg, ...order].map((level) => level?.[side]))
}
