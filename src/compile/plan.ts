/**
 * The plan: typed facts about one proxy's configuration, written by the policies and read by `emit/`. No Envoy type and
 * no dialect type is in it.
 */
import type {
  Fault,
  HashKey,
  HeaderOperations,
  HttpMatch,
  LoadBalancer,
  OutlierDetection,
  RetryPolicy,
} from '../model/index.ts'
import type { Origin } from '../resources/index.ts'
import type { EndpointFact } from './select/index.ts'

/** What a cluster or an inbound listener carries: HTTP in the version that its endpoints are spoken to in, or octets. */
export type WireProtocol = 'http1' | 'http2' | 'tcp'

/** A cluster that a route or listener sends to, and the line that says so. */
export interface ClusterRef {
  /** `outbound|port|subset|host`. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** Empty: the whole service. */
  readonly subset: string
  readonly origin: Origin
}

/** One leg of a split; weight at least 1. */
export interface LegPlan {
  readonly cluster: ClusterRef
  readonly weight: number
  readonly hostRewrite: string | undefined
  readonly requestHeaders: HeaderOperations
  readonly responseHeaders: HeaderOperations
}

/** What a route does with a request. */
export type ActionPlan =
  | { readonly kind: 'split'; readonly legs: readonly LegPlan[] }
  | {
      readonly kind: 'redirect'
      readonly status: 301 | 302 | 303 | 307 | 308
      readonly path?: string
      readonly prefixRewrite?: string
      readonly authority?: string
      readonly scheme?: string
      readonly port?: number
    }
  | { readonly kind: 'respond'; readonly status: number; readonly body: Uint8Array | undefined }

/** Replacement of a request's path. */
export type PathRewritePlan =
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'regex'; readonly pattern: string; readonly substitution: string }

/** One route of a virtual host. */
export interface RoutePlan {
  name: string
  /** Absent: every request. */
  match: HttpMatch | undefined
  action: ActionPlan
  pathRewrite: PathRewritePlan | undefined
  hostRewrite: string | undefined
  requestHeaders: HeaderOperations
  responseHeaders: HeaderOperations
  /** 0: no limit. */
  timeoutMs: number
  /** The port that is called carries HTTP/2, whose streams may be silent for long. */
  longStreams: boolean
  retry: RetryPolicy | undefined
  fault: Fault | undefined
  /** Keys of the destinations with consistent hashing, each once. */
  hashKeys: readonly HashKey[]
  origin: Origin
}

/** A virtual host with its routes in the order of decision. */
export interface VirtualHostPlan {
  readonly name: string
  readonly domains: readonly string[]
  readonly routes: readonly RoutePlan[]
  readonly origin: Origin
}

/** A condition on the certificate of an upstream. */
export interface PeerName {
  readonly type: 'uri' | 'dns' | 'ip'
  readonly match: 'exact' | 'prefix'
  readonly value: string
}

/** TLS towards an upstream. */
export type ClientTlsPlan =
  | {
      readonly kind: 'mesh'
      readonly sni: string
      readonly alpn: readonly string[]
      readonly peers: readonly PeerName[]
    }
  | {
      readonly kind: 'files'
      readonly sni: string | undefined
      readonly alpn: readonly string[]
      readonly peers: readonly PeerName[]
      /** Absent: the peer is not verified. */
      readonly caFile: string | undefined
      readonly certificate: { readonly chainFile: string; readonly keyFile: string } | undefined
    }

/** How a cluster's connections are made. */
export type TransportPlan =
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls'; readonly tls: ClientTlsPlan }
  /** mTLS to endpoints whose proxy terminates it, plain text to the others. */
  | { readonly kind: 'auto'; readonly tls: ClientTlsPlan }

/** Bounds of a cluster's pools. */
export interface LimitsPlan {
  readonly maxConnections: number
  readonly maxPendingRequests: number
  readonly maxRequests: number
  readonly maxRetries: number
}

/** One cluster. */
export interface ClusterPlan {
  readonly name: string
  readonly protocol: WireProtocol
  discovery: 'static' | 'eds' | 'strict-dns' | 'logical-dns' | 'original-dst'
  /** Endpoints in the resource itself for static and DNS clusters, in the EDS resource for `eds`. */
  endpoints: readonly EndpointFact[]
  balancer: LoadBalancer
  connectTimeoutMs: number
  limits: LimitsPlan
  httpIdleTimeoutMs: number | undefined
  maxRequestsPerConnection: number | undefined
  tcpKeepalive: { readonly probes?: number; readonly timeMs?: number; readonly intervalMs?: number } | undefined
  /** Absent: endpoints are not watched. */
  outlierDetection: OutlierDetection | undefined
  transport: TransportPlan
  readonly services: readonly { readonly host: string; readonly name: string; readonly namespace: string }[]
  readonly origin: Origin | undefined
  /** Other objects that shaped it. */
  readonly origins: readonly Origin[]
}

/** Clusters of a TCP proxy with their weights, at least one. */
export interface TcpTargetPlan {
  readonly clusters: readonly { readonly name: string; readonly weight: number }[]
  /** 0 is off; absent: the proxy's default. */
  readonly idleTimeoutMs: number | undefined
  /** A destination with consistent hashing takes the client's address as its key. */
  readonly hashSourceIp: boolean
}

/** An inbound listener and the application behind it. */
export interface InboundPlan {
  readonly port: number
  readonly protocol: WireProtocol
  readonly address: string
  readonly meshPort: number
  readonly cluster: ClusterPlan
  readonly trustDomainPrefix: string
  readonly origin: Origin
}

/** A service on a loopback port: its requests by the virtual host, or its connections by the target. */
export interface UpstreamPlan {
  readonly name: string
  readonly loopbackPort: number
  readonly carries: { readonly kind: 'http' } | { readonly kind: 'tcp'; readonly target: TcpTargetPlan }
  readonly origin: Origin
}

/** An IP range. */
export interface AddressRange {
  readonly address: string
  readonly length: number
}

/** Transparent interception. */
export interface TransparentPlan {
  readonly port: number
  /** Ranges whose connections carry HTTP. */
  readonly httpRanges: readonly AddressRange[]
  readonly tcp: readonly {
    readonly name: string
    readonly range: AddressRange
    readonly port: number
    readonly target: TcpTargetPlan
  }[]
}

/** Names that the proxy answers by itself. */
export interface DnsPlan {
  readonly port: number
  /** Sorted by name. */
  readonly names: readonly { readonly name: string; readonly addresses: readonly string[] }[]
}
