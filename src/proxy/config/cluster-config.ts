import type { EndpointCheckConfig, HealthCheckConfig } from './health-check-config.ts'
import type { OutlierConfig } from './outlier-config.ts'
import type { Http2Config } from './http2-config.ts'
import type { ClientTlsConfig } from './tls-config.ts'

/** A cluster after compilation from `envoy.config.cluster.v3.Cluster`; immutable. */
export interface ClusterConfig {
  readonly name: string
  readonly discovery: 'static' | 'eds' | 'strict-dns' | 'logical-dns' | 'original-dst'
  /** `eds_cluster_config.service_name`, or the cluster's name. */
  readonly edsName: string
  /** Endpoints in the resource itself (static and DNS clusters). */
  readonly endpoints: readonly EndpointConfig[]
  /** 5 s by default. */
  readonly connectTimeoutMs: number
  readonly balancer:
    | { readonly kind: 'round-robin' }
    | { readonly kind: 'random' }
    | { readonly kind: 'least-request'; readonly choiceCount: number }
    /** Entries of the ring; 1,024 at least by default. */
    | { readonly kind: 'ring-hash'; readonly minimumSize: number; readonly maximumSize: number }
    /** A prime; 65,537 by default. */
    | { readonly kind: 'maglev'; readonly tableSize: number }
    | { readonly kind: 'original-dst' }
  /** First match by endpoint metadata decides; `tls` absent is plain text. Empty: `tls` of the cluster for all. */
  readonly transportMatches: readonly TransportMatch[]
  readonly tls: ClientTlsConfig | undefined
  readonly limits: CircuitBreakerLimits
  /**
   * Version of HTTP that endpoints are spoken to in; with `auto` the TLS handshake decides (ALPN, `auto_config`), with `downstream` it is the request's own
   * (`use_downstream_protocol_config`). Absent: HTTP/1.1.
   */
  readonly protocol?: UpstreamProtocol
  /** With `auto`: `h2` is offered beside what the transport socket says, in a cluster whose version is HTTP/1.1 for Envoy (metadata `weft.upstream`). */
  readonly multiplex?: boolean
  /** `http2_protocol_options`, for the versions that have them. */
  readonly http2?: Http2Config
  /** 1 h by default. */
  readonly idleTimeoutMs: number
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number
  /** Absent fields are the kernel's: 7,200 s, 75 s, 9 probes. */
  readonly tcpKeepalive:
    { readonly idleSeconds?: number; readonly intervalSeconds?: number; readonly probes?: number } | undefined
  /** Re-resolution interval of DNS clusters; 5 s by default. */
  readonly dnsRefreshMs: number
  /** Absent: endpoints are not watched, and the data path does nothing for it. */
  readonly outlierDetection?: OutlierConfig
  /** Absent: endpoints are not checked. */
  readonly healthCheck?: HealthCheckConfig
  /** `ignore_health_on_host_removal`; false by default: what discovery removes stays while it passes its checks. */
  readonly ignoreHealthOnRemoval?: boolean
  /** `close_connections_on_host_health_failure`; false by default: TCP connections outlive the health of their endpoint. */
  readonly closeOnHealthFailure?: boolean
  /** `common_lb_config.ignore_new_hosts_until_first_hc`; false by default. */
  readonly excludeNewHosts?: boolean
  /** From cluster metadata `istio.services[0]`, for metric labels. */
  readonly destination: { readonly host: string; readonly name: string; readonly namespace: string } | undefined
}

/** How the version of HTTP is chosen that an endpoint is spoken to in. */
export type UpstreamProtocol = 'http1' | 'http2' | 'auto' | 'downstream'

/** `transport_socket_matches[]`. */
export interface TransportMatch {
  readonly name: string
  /** Every pair must be in the endpoint's `envoy.transport_socket_match` metadata. */
  readonly match: ReadonlyMap<string, string>
  readonly tls: ClientTlsConfig | undefined
}

/** `circuit_breakers.thresholds` of default priority; Envoy's defaults 1024, 1024, 1024, 3. */
export interface CircuitBreakerLimits {
  readonly maxConnections: number
  readonly maxPendingRequests: number
  readonly maxRequests: number
  readonly maxRetries: number
}

/** `ClusterLoadAssignment`, compiled. */
export interface EndpointsConfig {
  readonly clusterName: string
  readonly endpoints: readonly EndpointConfig[]
}

/** One endpoint. */
export interface EndpointConfig {
  /** IP address, a host name in DNS clusters, or an absolute path for a pipe. */
  readonly address: string
  readonly port: number
  readonly weight: number
  /** `draining` endpoints keep their connections and get no new request. */
  readonly health: 'healthy' | 'draining' | 'unhealthy'
  /** Absent: checks go to the endpoint itself. */
  readonly healthCheck?: EndpointCheckConfig
  /** `envoy.transport_socket_match` metadata. */
  readonly transportLabels: ReadonlyMap<string, string>
  /** `istio.workload` metadata: `name;namespace;canonical service;canonical revision;cluster`. */
  readonly workload: WorkloadIdentity | undefined
}

/** Who serves an endpoint, for metric labels. */
export interface WorkloadIdentity {
  readonly name: string
  readonly namespace: string
  readonly canonicalService: string
  readonly canonicalRevision: string
  readonly cluster: string
}
