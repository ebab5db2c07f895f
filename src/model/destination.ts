import type { Origin } from '../resources/index.ts'

/** How an endpoint is chosen. */
export type LoadBalancer = 'round-robin' | 'random' | 'least-request' | 'passthrough' | ConsistentHash

/** The same key goes to the same endpoint as long as it is there. */
export interface ConsistentHash {
  readonly key: HashKey
  readonly table:
    { readonly kind: 'ring'; readonly minimumSize: number } | { readonly kind: 'maglev'; readonly size: number }
}

/** What of a request is its key. */
export type HashKey =
  /** Name in lower case. */
  | { readonly kind: 'header'; readonly name: string }
  /** Clients without the cookie are given one that lives for `ttlMs`, 0: for the session; absent: none is given. */
  | { readonly kind: 'cookie'; readonly name: string; readonly path: string; readonly ttlMs?: number }
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'query'; readonly name: string }

/** TLS from the client-side proxy to the destination. `mesh-mutual` is mTLS with the proxy's own SPIFFE identity. */
export type OutboundTls =
  | { readonly mode: 'disabled' }
  | { readonly mode: 'mesh-mutual' }
  | {
      readonly mode: 'simple' | 'mutual'
      readonly sni?: string
      readonly subjectAltNames: readonly string[]
      readonly caFile?: string
      readonly certificateFile?: string
      readonly keyFile?: string
      readonly skipVerify: boolean
    }

/** Leaving out endpoints that fail, for a time. Absent fields take Envoy's defaults; a count of 0 switches its detector off. */
export interface OutlierDetection {
  /** Server errors in a row; 5 by default. */
  readonly consecutive5xx?: number
  /** 502, 503 and 504 in a row; off by default. */
  readonly consecutiveGatewayFailure?: number
  /** Failures to connect and timeouts are counted by `consecutiveLocalOriginFailure` and not as server errors. */
  readonly splitLocalOrigin: boolean
  /** 5 by default, if split off. */
  readonly consecutiveLocalOriginFailure?: number
  /** 10 s by default. */
  readonly intervalMs?: number
  /** 30 s by default; multiplied by the number of ejections. */
  readonly baseEjectionMs?: number
  /** 10 by default. */
  readonly maxEjectionPercent?: number
}

/** Connection settings towards a destination. Absent fields take the proxy's defaults. */
export interface TrafficPolicy {
  readonly loadBalancer?: LoadBalancer
  readonly tls?: OutboundTls
  readonly outlierDetection?: OutlierDetection
  readonly connectTimeoutMs?: number
  readonly tcpIdleTimeoutMs?: number
  readonly tcpKeepalive?: { readonly probes?: number; readonly timeMs?: number; readonly intervalMs?: number }
  readonly maxConnections?: number
  readonly maxPendingRequests?: number
  readonly maxRequests?: number
  readonly maxRetries?: number
  readonly maxRequestsPerConnection?: number
  readonly httpIdleTimeoutMs?: number
  /** Endpoints of a port of HTTP/1.1 are spoken to in HTTP/2; the applications behind proxies of the mesh still hear HTTP/1.1. */
  readonly http2Upgrade?: boolean
  /** Where the fields came from, for explanations. */
  readonly origin: Origin
}

/** A named selection of a service's workloads. */
export interface Subset {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  /** Already merged over the destination's own policy. */
  readonly policy?: TrafficPolicy
  /** Port number to policy, as `TrafficPolicy` wholesale: fields not set fall to the defaults, not to the destination's. */
  readonly portPolicies: ReadonlyMap<number, TrafficPolicy>
  readonly origin: Origin
}

/** What a DestinationRule says about a host. */
export interface DestinationPolicy {
  readonly namespace: string
  readonly name: string
  /** Fully qualified, may start with `*.`. */
  readonly host: string
  readonly policy?: TrafficPolicy
  readonly portPolicies: ReadonlyMap<number, TrafficPolicy>
  readonly subsets: readonly Subset[]
  /** Only for client workloads with these labels; empty: all. */
  readonly clientLabels: ReadonlyMap<string, string>
  readonly exportTo: readonly string[]
  readonly createdAt: string
  readonly origin: Origin
}
