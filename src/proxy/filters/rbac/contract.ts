import type { HeaderMatch, RequestView, StringMatch } from '../../route/index.ts'

/** A block of addresses; `length` is at most the width of the address. */
export interface IpRange {
  readonly address: string
  readonly length: number
}

/** A permission or a principal, which have most kinds in common. */
export type RbacRule =
  | { readonly kind: 'any' }
  | { readonly kind: 'all' | 'one-of'; readonly rules: readonly RbacRule[] }
  | { readonly kind: 'not'; readonly rule: RbacRule }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** `url_path`: the path without query. */
  | { readonly kind: 'path'; readonly match: StringMatch }
  /** `source` is the client of the connection by the PROXY protocol, `direct-remote` the socket's peer, `remote` the client by `x-forwarded-for`. */
  | {
      readonly kind: 'address'
      readonly which: 'destination' | 'source' | 'direct-remote' | 'remote'
      readonly range: IpRange
    }
  /** `end` is out. */
  | { readonly kind: 'destination-port'; readonly start: number; readonly end: number }
  | { readonly kind: 'server-name'; readonly match: StringMatch }
  /** `authenticated`; without a matcher every TLS connection holds. */
  | { readonly kind: 'principal'; readonly match: StringMatch | undefined }

/** `envoy.config.rbac.v3.Policy`: one of the permissions and one of the principals must hold. */
export interface RbacPolicy {
  readonly name: string
  readonly permissions: readonly RbacRule[]
  readonly principals: readonly RbacRule[]
}

/** `envoy.config.rbac.v3.RBAC`. */
export interface RbacDefinition {
  readonly action: 'allow' | 'deny'
  /** In the order of their names, as Envoy takes them. */
  readonly policies: readonly RbacPolicy[]
}

/** Who wants what. */
export interface RbacSubject {
  readonly connection: {
    /** `ip:port`. */
    readonly remoteAddress: string
    /** The same of the socket's peer, if that is another. */
    readonly directRemoteAddress?: string
    readonly destinationAddress: string
    readonly destinationPort: number
    readonly tls: boolean
    /** Verified SPIFFE id of the peer; empty when there is none. */
    readonly peerSpiffeId: string
    readonly serverName: string
  }
  /** The client's address without port. */
  readonly remoteAddress: string
  /** Undefined for a connection that carries no HTTP. */
  readonly request:
    | (Pick<RequestView, 'method' | 'authority' | 'path' | 'query' | 'scheme' | 'header'> & {
        /** Each value of a header by itself; empty when it is absent. */
        readonly values: (name: string) => readonly string[]
      })
    | undefined
}

/** The outcome for one subject; made once for each policy. */
export interface RbacVerdict {
  readonly allowed: boolean
  /** Name of the policy that matched; empty when none did. */
  readonly policy: string
  /** Envoy's response code details of a denial. */
  readonly details: string
}

/** Compiled rules; immutable, shared by all connections. */
export interface RbacEngine {
  /** The verdict depends on the connection alone. */
  readonly ofConnection: boolean
  /** Decides; an error of any kind denies. */
  readonly decide: (subject: RbacSubject) => RbacVerdict
}

/** Settings of an RBAC filter, of the filter itself or of a route; without rules nobody is refused. */
export interface RbacConfig {
  readonly rules?: RbacEngine | undefined
  /** Counted and not enforced. */
  readonly shadow?: RbacEngine | undefined
  /** Labels of counters: `rules_stat_prefix` and `shadow_rules_stat_prefix` without a point at the end. */
  readonly statPrefix?: string
  readonly shadowStatPrefix?: string
}
