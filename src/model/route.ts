import type { Origin } from '../resources/index.ts'

/** A text condition. `regex` is RE2 syntax and matches the whole text; `present` any value, the empty one too. */
export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: 'prefix'; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: 'suffix'; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: 'regex'; readonly value: string }
  | { readonly kind: 'present' }

/** A path condition; carries its own kind of prefix: `prefix` is a prefix of the text, `segment-prefix` of path segments. */
export type PathMatch =
  | { readonly kind: 'exact'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'prefix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'segment-prefix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: 'regex'; readonly value: string }

/** A header condition; `invert` negates it (Istio `withoutHeaders`), so that an absent header passes. `name` is lower case. */
export interface HeaderMatch {
  readonly name: string
  readonly match: StringMatch
  readonly invert: boolean
}

/** A query parameter condition. */
export interface QueryMatch {
  readonly name: string
  readonly match: StringMatch
}

/** Conditions on the calling workload; decided when a proxy's configuration is compiled, never per request. */
export interface SourceMatch {
  readonly labels: ReadonlyMap<string, string>
  readonly namespace?: string
}

/** All conditions must hold; an absent one always does. */
export interface HttpMatch {
  readonly name?: string
  readonly path?: PathMatch
  readonly method?: StringMatch
  readonly scheme?: StringMatch
  readonly authority?: StringMatch
  readonly headers: readonly HeaderMatch[]
  readonly query: readonly QueryMatch[]
  /** Destination port of the call. */
  readonly port?: number
  readonly source?: SourceMatch
  /** Names of gateways the match is for; `mesh` means every sidecar. */
  readonly gateways: readonly string[]
}

/**
 * Edits of a header block, applied as: remove, then set, then add. Names are lower case; values are literal, a `%` is a percent
 * sign. A leg may set `host`; a rule that sets it says so in `Rewrite.authority`, and its legs then do not.
 */
export interface HeaderOperations {
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly add: readonly (readonly [name: string, value: string])[]
  readonly remove: readonly string[]
}

/** One destination of a split. `weight` is relative to its siblings; 0 gets nothing. */
export interface Leg {
  /** Fully qualified service host. */
  readonly host: string
  /** Service port; absent: the port that was called, or the service's only port. */
  readonly port?: number
  readonly subset?: string
  readonly weight: number
  readonly requestHeaders: HeaderOperations
  readonly responseHeaders: HeaderOperations
  readonly origin: Origin
}

/** A share of requests, as parts of a million so that no float decides. */
export interface Fraction {
  readonly partsPerMillion: number
}

/** Faults to inject; each has its own share. */
export interface Fault {
  readonly delay?: { readonly fraction: Fraction; readonly delayMs: number }
  readonly abort?: {
    readonly fraction: Fraction
    readonly status: { readonly kind: 'http' | 'grpc'; readonly code: number }
  }
}

/**
 * Path and host rewriting before the request goes upstream. `prefix` stands in for what the path condition matched: the
 * prefix, or the whole path of an exact or regex match. `substitution` refers to groups as `\1`.
 */
export interface Rewrite {
  readonly path?:
    | { readonly kind: 'prefix'; readonly value: string }
    | { readonly kind: 'full'; readonly value: string }
    | { readonly kind: 'regex'; readonly pattern: string; readonly substitution: string }
  readonly authority?: string
}

/** Retries; `attempts` 0 is off. Conditions are Envoy's `retry_on` names. */
export interface RetryPolicy {
  readonly attempts: number
  readonly on: readonly string[]
  readonly retriableStatusCodes: readonly number[]
  readonly perTryTimeoutMs?: number
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
  /** Prefer an endpoint that was not tried yet. */
  readonly avoidPreviousHosts: boolean
  /** `implicit`: a default of the dialect that the user did not write. */
  readonly source: 'explicit' | 'implicit'
}

/** What a rule does with a request that matches. */
export type HttpAction =
  | { readonly kind: 'forward'; readonly legs: readonly Leg[] }
  | {
      readonly kind: 'redirect'
      readonly status: 301 | 302 | 303 | 307 | 308
      readonly path?: string
      readonly prefixRewrite?: string
      readonly authority?: string
      readonly scheme?: string
      readonly port?: number | 'from-request' | 'protocol-default'
    }
  | { readonly kind: 'respond'; readonly status: number; readonly body: Uint8Array | undefined }

/** A rule: the first of a route whose any match holds decides. No matches: always. */
export interface HttpRouteRule {
  readonly name?: string
  readonly matches: readonly HttpMatch[]
  readonly action: HttpAction
  readonly rewrite?: Rewrite
  readonly requestHeaders: HeaderOperations
  readonly responseHeaders: HeaderOperations
  /** Whole request including retries; 0 or absent: no limit. */
  readonly timeoutMs?: number
  readonly retry: RetryPolicy
  readonly fault?: Fault
  readonly origin: Origin
}

/** Conditions of a TCP rule. */
export interface TcpMatch {
  readonly port?: number
  readonly source?: SourceMatch
  readonly gateways: readonly string[]
}

/** A TCP rule: first match decides. */
export interface TcpRouteRule {
  readonly matches: readonly TcpMatch[]
  readonly legs: readonly Leg[]
  readonly origin: Origin
}

/** The rules of one object for a set of hosts; per host one object owns the rules. */
export interface HttpRoute {
  readonly namespace: string
  readonly name: string
  /** Fully qualified, may start with `*.` or be `*`. */
  readonly hosts: readonly string[]
  /** `mesh`, or `namespace/name` of gateways. */
  readonly gateways: readonly string[]
  readonly exportTo: readonly string[]
  readonly http: readonly HttpRouteRule[]
  readonly tcp: readonly TcpRouteRule[]
  readonly createdAt: string
  readonly origin: Origin
}
