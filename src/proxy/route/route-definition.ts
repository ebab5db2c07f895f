import type { Origin } from '../../resources/index.ts'
import type { RbacConfig } from '../filters/index.ts'
import type {
  CompiledFault,
  CompiledRetry,
  HeaderEdits,
  PathRewrite,
  RouteUpgrades,
  StreamDuration,
} from './decision.ts'
import type { HashPolicy } from './request-hash.ts'
import type { RegularExpression } from './regular-expression.ts'
import type { SessionSetting } from './stateful-session.ts'
import type { SubsetMatch } from './subset-match.ts'

/** What a route table is made of, as plain data: the resource's settings checked and converted, nothing merged or indexed yet. */
export interface RouteTableDefinition extends LevelEdits {
  readonly name: string
  /** The resource has `vhds`. */
  readonly onDemand: boolean
  /** `max_direct_response_body_size_bytes`. */
  readonly maxDirectResponseBytes: number
  /** `ignore_port_in_host_matching`. */
  readonly ignorePort: boolean
  /** `most_specific_header_mutations_wins`; otherwise the table's own edits are applied last and win. */
  readonly mostSpecificEditsWin: boolean
  readonly virtualHosts: readonly VirtualHostDefinition[]
}

/** Header edits of one level (table, virtual host, route or leg). */
export interface LevelEdits {
  readonly requestEdits: HeaderEdits | undefined
  readonly responseEdits: HeaderEdits | undefined
}

/** A virtual host as plain data: of a table's own list, or of VHDS. */
export interface VirtualHostDefinition extends LevelEdits {
  readonly name: string
  /** Lower case; at least one. */
  readonly domains: readonly string[]
  readonly routes: readonly RouteDefinition[]
}

/** One route: the conditions and what follows when all hold. */
export interface RouteDefinition extends LevelEdits {
  readonly name: string
  readonly origin: Origin | undefined
  readonly match: MatchDefinition
  readonly action: ForwardDefinition | RedirectDefinition | RespondDefinition
  /** Settings of RBAC filters by the filter's name; undefined: those of the filters. */
  readonly rbac?: ReadonlyMap<string, RbacConfig> | undefined
}

/** Conditions of a route; all must hold. */
export interface MatchDefinition {
  readonly path: PathMatch
  readonly headers: readonly HeaderMatch[]
  readonly query: readonly QueryMatch[]
  /** `runtime_fraction`: share of requests that match, in parts per million; undefined is all. */
  readonly partsPerMillion: number | undefined
}

/** Condition on the path without query. */
export type PathMatch =
  | { readonly kind: 'exact' | 'prefix' | 'separated-prefix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly regex: RegularExpression }
  /** `connect_matcher`: every CONNECT, which has no path, and nothing else. */
  | { readonly kind: 'connect' }

/** `envoy.type.matcher.v3.StringMatcher`. */
export type StringMatch =
  | {
      readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'
      readonly value: string
      readonly ignoreCase: boolean
    }
  | { readonly kind: 'regex'; readonly regex: RegularExpression }

/** Condition on a header; `name` is lower case or a pseudo header (`:method`, `:authority`, `:path`, `:scheme`). */
export interface HeaderMatch {
  readonly name: string
  readonly condition:
    | { readonly kind: 'string'; readonly match: StringMatch }
    /** `start` is in, `end` is out; a value that is no integer does not match. */
    | { readonly kind: 'range'; readonly start: bigint; readonly end: bigint }
    | { readonly kind: 'present'; readonly present: boolean }
  readonly invert: boolean
  /** `treat_missing_header_as_empty`. */
  readonly missingIsEmpty: boolean
}

/** Condition on the first value of a query parameter, not decoded, as in Envoy. */
export interface QueryMatch {
  readonly name: string
  readonly condition:
    { readonly kind: 'string'; readonly match: StringMatch } | { readonly kind: 'present'; readonly present: boolean }
}

/** `RouteAction`: one leg, or several with weights. */
export interface ForwardDefinition {
  readonly kind: 'forward'
  /** At least one; the weights' sum is above 0. */
  readonly legs: readonly LegDefinition[]
  readonly pathRewrite: PathRewrite | undefined
  readonly timeoutMs: number
  readonly idleTimeoutMs: number | undefined
  readonly retry: CompiledRetry | undefined
  readonly streamDuration?: StreamDuration | undefined
  /** `hash_policy` in order; undefined when there is none. */
  readonly hashPolicies?: readonly HashPolicy[] | undefined
  readonly upgrades?: RouteUpgrades | undefined
}

/** A cluster of a route. */
export interface LegDefinition extends LevelEdits {
  readonly cluster: string
  readonly weight: number
  readonly hostRewrite: string | undefined
  readonly fault: CompiledFault | undefined
  /** In place of the route's. */
  readonly rbac?: ReadonlyMap<string, RbacConfig> | undefined
  /** `metadata_match` of the route with that of the leg on top. */
  readonly subset?: SubsetMatch | undefined
  /** Of the leg, else the route, else the virtual host; undefined: none of them says anything. */
  readonly session?: SessionSetting | undefined
}

/** `RedirectAction`. */
export interface RedirectDefinition {
  readonly kind: 'redirect'
  readonly status: number
  readonly scheme: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  /** A `full` path may carry a query of its own, which then replaces the request's. */
  readonly path: PathRewrite | undefined
  readonly stripQuery: boolean
}

/** `DirectResponseAction`. */
export interface RespondDefinition {
  readonly kind: 'respond'
  readonly status: number
  readonly body: Uint8Array
}
