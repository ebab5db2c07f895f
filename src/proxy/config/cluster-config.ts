import type { BalancerConfig, SpreadConfig } from './balancing-config.ts'
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
  readonly balancer: BalancerConfig
  /** How requests spread over priorities, localities and subsets; absent: none of these, and no panic mode. */
  readonly spread?: SpreadConfig
  /** `load_assignment.policy` of the resource itself (static and DNS clusters). */
  readonly endpointPolicy?: EndpointPolicy
  /** First match by endpoint metadata decides; `tls` absent is plain text. Empty: `tls` of the cluster for all. */
  readonly transportMatches: readonly TransportMatch[]
  readonly tls: ClientTlsConfig | undefined
  /** Version of the PROXY protocol whose header goes before everything else (`upstream_proxy_protocol`); absent: none. */
  readonly proxyProtocol?: 1 | 2
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
  /** As in `ClusterConfig`. */
  readonly proxyProtocol?: 1 | 2
}

/** `circuit_breakers.thresholds` of default priority; Envoy's defaults 1024, 1024, 1024, 3. */
export interface CircuitBreakerLimits {
  readonly maxConnections: number
  readonly maxPendingRequests: number
  readonly maxRequests: number
  /** Does not count with a budget. */
  readonly maxRetries: number
  /** Endpoints that may have connections at a time, for requests of HTTP (`max_connection_pools`); absent: any number. */
  readonly maxConnectionPools?: number
  /** `retry_budget`: retries in progress may be this share of the requests in progress and waiting. */
  readonly retryBudget?: RetryBudget
  /** `per_host_thresholds.max_connections`; absent: no limit of one endpoint. */
  readonly maxConnectionsPerHost?: number
}

/** `retry_budget`. */
export interface RetryBudget {
  /** 0 to 100; 20 by default. */
  readonly percent: number
  /** So many retries are allowed however few requests there are; 3 by default. */
  readonly minConcurrency: number
}

/** `ClusterLoadAssignment`, compiled. */
export interface EndpointsConfig {
  readonly clusterName: string
  readonly endpoints: readonly EndpointConfig[]
  readonly policy?: EndpointPolicy
}

/** `ClusterLoadAssignment.policy`. */
export interface EndpointPolicy {
  /** Percent: 140 by default. A priority takes all load as long as this much of its healthy share makes 100. */
  readonly overprovisioningFactor: number
  /** Health of a priority is counted by endpoint weights instead of endpoints. */
  readonly weightedPriorityHealth: boolean
}

/** One endpoint. */
export interface EndpointConfig {
  /** IP address, a host name in DNS clusters, or an absolute path for a pipe. */
  readonly address: string
  readonly port: number
  readonly weight: number
  /** `draining` endpoints keep their connections and get no new request; `degraded` ones get those that healthy ones cannot take. */
  readonly health: 'healthy' | 'degraded' | 'draining' | 'unhealthy'
  /** 0 (the default) is the first choice. */
  readonly priority?: number
  /** `region/zone/sub_zone`; absent or empty: none is named. */
  readonly locality?: string
  /** `LocalityLbEndpoints.load_balancing_weight`; absent is 0: nothing when balancing is locality-weighted. */
  readonly localityWeight?: number
  /** `envoy.lb` metadata: what subsets are made by. */
  readonly subsetLabels?: Readonly<Record<string, unknown>>
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
