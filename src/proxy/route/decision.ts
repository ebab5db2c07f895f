import type { Origin } from '../../resources/index.ts'
import type { RbacConfig } from '../filters/index.ts'
import type { HashPolicy } from './request-hash.ts'
import type { SessionSetting } from './stateful-session.ts'
import type { SubsetMatch } from './subset-match.ts'

/** What `decide` reads of a request. The data path implements it on the received bytes; offline tools on plain objects. */
export interface RequestView {
  readonly method: string
  /** `Host`/`:authority` as received. */
  readonly authority: string
  /** Normalised path without query and fragment; CONNECT has none, and only routes for CONNECT are asked about it. */
  readonly path: string
  /** Query without `?`, empty when there is none. */
  readonly query: string
  readonly scheme: 'http' | 'https'
  /** All values of a header joined by `,`; undefined when absent. `name` is lower case. Every matcher sees duplicates joined. */
  readonly header: (name: string) => string | undefined
}

/** Compiled header edits: `remove` first, then `set` (replaces), then `add` (appends). Names are lower case. */
export interface HeaderEdits {
  readonly remove: readonly string[]
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly add: readonly (readonly [name: string, value: string])[]
}

/** `max_stream_duration` of a route; milliseconds. */
export interface StreamDuration {
  /** 0: without end; undefined: the connection manager's. */
  readonly maxMs: number | undefined
  /** `grpc_timeout_header_max`: the call's own timeout counts, at most this; 0: whatever it is. Undefined: it does not count. */
  readonly grpcMaxMs: number | undefined
  /** `grpc_timeout_header_offset`. */
  readonly grpcOffsetMs: number
}

/** Retry policy of a route, compiled from `RetryPolicy`. */
export interface CompiledRetry {
  readonly attempts: number
  /** Bit set of RetryOn. */
  readonly on: number
  readonly retriableStatusCodes: readonly number[]
  /** 0: none. */
  readonly perTryTimeoutMs: number
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
  readonly avoidPreviousHosts: boolean
  readonly hostSelectionAttempts: number
}

/** Conditions of `retry_on`, as bits. */
export const RetryOn = {
  serverError: 1,
  gatewayError: 2,
  reset: 4,
  resetBeforeRequest: 8,
  connectFailure: 16,
  retriable4xx: 32,
  refusedStream: 64,
  retriableStatusCodes: 128,
  grpcCancelled: 256,
  grpcDeadlineExceeded: 512,
  grpcInternal: 1024,
  grpcResourceExhausted: 2048,
  grpcUnavailable: 4096,
} as const

/** Constant facts of a matched route that the data path, the access log and explanations need. */
export interface RouteFacts {
  /** Route name in the resource (`%ROUTE_NAME%`). */
  readonly name: string
  readonly virtualHost: string
  /** From metadata `weft.origin`. */
  readonly origin: Origin | undefined
  /** Settings of RBAC filters by the filter's name; undefined: those of the filters. */
  readonly rbac?: ReadonlyMap<string, RbacConfig> | undefined
}

/** `upgrade_configs` of a route, over those of the connection manager. */
export interface RouteUpgrades {
  /** Whether an upgrade is let through, by its type in lower case; CONNECT is `connect`. */
  readonly allowed: ReadonlyMap<string, boolean>
  /** `connect_config`: CONNECT ends here, and what follows goes to the cluster as plain TCP. */
  readonly terminatesConnect: boolean
}

/** Send the request to a cluster. One frozen object per route leg; no allocation per request. */
export interface ForwardDecision {
  readonly kind: 'forward'
  readonly route: RouteFacts
  readonly cluster: string
  /** Replacement of the path; applied with `rewritePath(decision, path)`. */
  readonly pathRewrite: PathRewrite | undefined
  readonly hostRewrite: string | undefined
  /** Route, virtual host and route table edits in Envoy's order, already merged. */
  readonly requestEdits: HeaderEdits | undefined
  readonly responseEdits: HeaderEdits | undefined
  /** Whole request with retries; 0: off. */
  readonly timeoutMs: number
  /** 0: off; absent: the connection manager's. */
  readonly idleTimeoutMs: number | undefined
  readonly retry: CompiledRetry | undefined
  /** `max_stream_duration`; undefined: the connection manager's counts. */
  readonly streamDuration?: StreamDuration | undefined
  /** Inputs of the request's hash, for clusters with consistent hashing; undefined: none. */
  readonly hashPolicies?: readonly HashPolicy[] | undefined
  /** `metadata_match`: the subset of the cluster's hosts; undefined: no subset is asked for. */
  readonly subset?: SubsetMatch | undefined
  /** Stateful session of the route; undefined: that of the filter. */
  readonly session?: SessionSetting | undefined
  /** Undefined: the connection manager's list holds. */
  readonly upgrades?: RouteUpgrades | undefined
  readonly fault: CompiledFault | undefined
}

/** Path replacement of a route, compiled. */
export type PathRewrite =
  | { readonly kind: 'prefix'; readonly matched: string; readonly replacement: string }
  | { readonly kind: 'full'; readonly replacement: string }
  | { readonly kind: 'regex'; readonly apply: (path: string) => string }

/** Fault settings of a route. Shares are parts per million. */
export interface CompiledFault {
  readonly delayPartsPerMillion: number
  readonly delayMs: number
  readonly abortPartsPerMillion: number
  /** HTTP status, when `grpcStatus` is undefined. */
  readonly abortStatus: number
  readonly grpcStatus: number | undefined
}

/** The outcome of matching a request against a compiled configuration. */
export type Decision =
  | ForwardDecision
  | {
      readonly kind: 'redirect'
      readonly route: RouteFacts
      readonly status: number
      readonly location: string
      readonly responseEdits: HeaderEdits | undefined
    }
  | {
      readonly kind: 'respond'
      readonly route: RouteFacts
      readonly status: number
      readonly body: Uint8Array
      readonly responseEdits: HeaderEdits | undefined
    }
  /** 404, response flag NR. */
  | { readonly kind: 'no-route' }
  /** The virtual host is not held and can be asked for; `domain` is the authority, lower case. */
  | { readonly kind: 'on-demand'; readonly domain: string }

/** What the fault filter does to one request, drawn once. */
export interface FaultDraw {
  /** 0: no delay. */
  readonly delayMs: number
  readonly abort: boolean
}
