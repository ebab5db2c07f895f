import type { Http2Config } from './http2-config.ts'
import type { AccessLogConfig } from './access-log-config.ts'
import type { RbacConfig } from '../filters/index.ts'
import type { RequestView, RouteTable, SessionSetting, SubsetMatch } from '../route/index.ts'
import type { ServerTlsConfig } from './tls-config.ts'
import type { UdpProxyConfig } from './udp-proxy-config.ts'

/** A listener after compilation from `envoy.config.listener.v3.Listener`; immutable. */
export interface ListenerConfig {
  readonly name: string
  readonly address: string
  /** 0 binds an ephemeral port. */
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  readonly direction: 'inbound' | 'outbound' | 'unspecified'
  /** `envoy.filters.listener.original_dst` is present: match chains on the address before the redirect. */
  readonly originalDestination: boolean
  /** What looks at the first bytes of a connection before a chain is chosen, in order. */
  readonly inspectors: readonly ListenerInspector[]
  /** `listener_filters_timeout`, for all inspectors together: milliseconds, 0 is off; 15 s by default. */
  readonly inspectionTimeoutMs: number
  /** `continue_on_listener_filters_timeout`: go on with what is known instead of closing. */
  readonly continueOnInspectionTimeout: boolean
  readonly filterChains: readonly FilterChain[]
  readonly defaultFilterChain: FilterChain | undefined
  /** Inline DNS answers, for a UDP listener with `dns_filter`. */
  readonly dns: DnsTable | undefined
  /** The UDP proxy, for a UDP listener with `udp_proxy`; a UDP listener has this or `dns`. */
  readonly udp?: UdpProxyConfig | undefined
  readonly accessLogs: readonly AccessLogConfig[]
  /** Equal texts mean that a change needs no new socket (address and socket options are the same). */
  readonly socketKey: string
}

/** One way to handle a connection. */
export interface FilterChain {
  readonly name: string
  readonly match: FilterChainMatch
  /** Absent: plain text. */
  readonly tls: ServerTlsConfig | undefined
  /** RBAC filters before the last one, in order; each must allow a connection. */
  readonly rbac?: readonly NetworkRbacConfig[]
  readonly network: HttpManagerConfig | TcpProxyConfig
  /** `envoy.filters.network.connection_limit` before it; absent: no limit of the chain's own. */
  readonly connectionLimit?: ConnectionLimitConfig
}

/** `envoy.filters.network.rbac`. */
export interface NetworkRbacConfig extends Pick<RbacConfig, 'rules' | 'shadow'> {
  /** `stat_prefix` without a point at the end. */
  readonly statPrefix: string
}

/** `envoy.filters.http.grpc_stats`. */
export interface GrpcStatsConfig {
  /** Paths (`/service/method`) that have counters of their own; the rest is counted by cluster alone. */
  readonly methods: 'all' | ReadonlySet<string>
}

/** An HTTP filter before the router that runs for each request. */
export type HttpFilterConfig =
  /** Routes' fault settings count. */
  | { readonly kind: 'fault' }
  /** An unknown virtual host is asked for and the request waits. */
  | { readonly kind: 'on_demand' }
  /** `name` is what routes call the filter by. */
  | { readonly kind: 'rbac'; readonly name: string; readonly config: RbacConfig }

/** `envoy.filters.network.connection_limit`, compiled. */
export interface ConnectionLimitConfig {
  readonly statPrefix: string
  /** Connections of the filter chain at once; more are closed. */
  readonly maxConnections: number
  /** How long a connection too many is held, unread, before it is closed; 0: at once. */
  readonly delayMs: number
}

/** A listener filter that waits for bytes of the client. */
export type ListenerInspector =
  /** `envoy.filters.listener.tls_inspector`. */
  | { readonly kind: 'tls' }
  /** `envoy.filters.listener.http_inspector`. */
  | { readonly kind: 'http' }
  /** `envoy.filters.listener.proxy_protocol`; `allowWithout` is `allow_requests_without_proxy_protocol`. */
  | { readonly kind: 'proxy-protocol'; readonly allowWithout: boolean; readonly versions: readonly (1 | 2)[] }

/** A range of addresses. */
export interface AddressPrefix {
  readonly address: string
  readonly length: number
}

/**
 * Conditions on a connection (Envoy `FilterChainMatch`), in the order in which they decide; an empty list, text or undefined asks
 * nothing.
 */
export interface FilterChainMatch {
  readonly destinationPort: number | undefined
  readonly destinationPrefixes: readonly AddressPrefix[]
  /** Lower case; one that begins with a dot stands for all names that end so (`*.example.com`). */
  readonly serverNames: readonly string[]
  /** `tls` or `raw_buffer`. */
  readonly transportProtocol: string
  readonly applicationProtocols: readonly string[]
  /** The peer of the socket, whatever the PROXY protocol says. */
  readonly directSourcePrefixes: readonly AddressPrefix[]
  /** `local`: from this machine. */
  readonly sourceType: 'any' | 'local' | 'external'
  readonly sourcePrefixes: readonly AddressPrefix[]
  readonly sourcePorts: readonly number[]
}

/** No conditions: every connection. */
export const anyConnection: FilterChainMatch = {
  destinationPort: undefined,
  destinationPrefixes: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  directSourcePrefixes: [],
  sourceType: 'any',
  sourcePrefixes: [],
  sourcePorts: [],
}

/** `envoy.filters.network.http_connection_manager` with its HTTP filters, compiled. */
export interface HttpManagerConfig {
  readonly kind: 'http'
  readonly statPrefix: string
  readonly routes:
    { readonly kind: 'inline'; readonly table: RouteTable } | { readonly kind: 'rds'; readonly name: string }
  /** `codec_type`; with `auto` (also when absent) ALPN decides, or the connection's first octets. */
  readonly codec?: 'auto' | 'http1' | 'http2'
  /** `http2_protocol_options`. */
  readonly http2?: Http2Config
  /** `server_name`; `envoy` by default, as in Envoy. */
  readonly serverName: string
  /** Milliseconds, 0 is off: `common_http_protocol_options.idle_timeout`, 1 h by default. */
  readonly idleTimeoutMs: number
  /** `request_timeout`: whole request received; Weft's default 300 s. */
  readonly requestTimeoutMs: number
  /** `request_headers_timeout`; Weft's default 10 s. */
  readonly requestHeadersTimeoutMs: number
  /** `stream_idle_timeout`, 5 min by default. */
  readonly streamIdleTimeoutMs: number
  /** `max_request_headers_kb` in bytes, 60 KiB by default. */
  readonly maxRequestHeadersBytes: number
  /** `max_headers_count`, 100 by default. */
  readonly maxHeadersCount: number
  readonly maxRequestsPerConnection: number
  /** `common_http_protocol_options.max_connection_duration`; absent: none. The connection is then closed politely. */
  readonly maxConnectionDurationMs?: number
  /** `common_http_protocol_options.max_stream_duration`; absent: none. */
  readonly maxStreamDurationMs?: number
  readonly useRemoteAddress: boolean
  /** `xff_num_trusted_hops`. */
  readonly xffTrustedHops: number
  readonly generateRequestId: boolean
  readonly normalizePath: boolean
  readonly mergeSlashes: boolean
  readonly escapedSlashes: 'keep' | 'reject' | 'unescape-redirect' | 'unescape-forward'
  readonly underscoreHeaders: 'allow' | 'reject' | 'drop'
  /** What happens to `x-forwarded-client-cert`. */
  readonly forwardClientCert: 'sanitize' | 'forward-only' | 'append-forward' | 'sanitize-set' | 'always-forward-only'
  /** The health_check filter; absent: the proxy does not answer for its own health on this listener. */
  readonly healthFilter?: HealthFilterConfig
  /** The grpc_stats filter; absent: calls are not counted by method. */
  readonly grpcStats?: GrpcStatsConfig
  /** The grpc_web filter is there. */
  readonly grpcWeb?: true
  /** HTTP filters in their order, without grpc_web, grpc_stats, health_check, which is first, stateful_session and the router. */
  readonly filters: readonly HttpFilterConfig[]
  /** The stateful_session filter is in the chain; routes may have settings of their own. */
  readonly statefulSession?: SessionSetting
  readonly accessLogs: readonly AccessLogConfig[]
  /** `upgrade_configs` types, lower case. */
  readonly upgrades: readonly string[]
}

/** `envoy.filters.http.health_check` without pass-through. */
export interface HealthFilterConfig {
  /** The request asks after the proxy's own health. */
  readonly matches: (request: RequestView) => boolean
}

/** A cluster of a TCP proxy. */
export interface TcpTarget {
  readonly name: string
  readonly weight: number
  /** `metadata_match` of the proxy with that of the cluster on top; undefined: no subset is asked for. */
  readonly subset?: SubsetMatch | undefined
}

/** `envoy.filters.network.tcp_proxy`, compiled. */
export interface TcpProxyConfig {
  readonly kind: 'tcp'
  readonly statPrefix: string
  readonly clusters: readonly TcpTarget[]
  /** Milliseconds, 0 is off; 1 h by default. */
  readonly idleTimeoutMs: number
  /** `max_downstream_connection_duration`, milliseconds; absent: no limit. */
  readonly maxDurationMs?: number
  readonly maxConnectAttempts: number
  /** `hash_policy` with `source_ip`: in clusters with consistent hashing the client's address decides; absent: chance. */
  readonly hashSourceIp?: boolean
  readonly accessLogs: readonly AccessLogConfig[]
}

/** `envoy.filters.udp.dns_filter` with an inline table. */
export interface DnsTable {
  /** Lower-case name without trailing dot to its addresses. */
  readonly names: ReadonlyMap<string, readonly string[]>
  readonly ttlSeconds: number
  /** Upstream resolvers for other names; empty: those of the machine. */
  readonly resolvers: readonly { readonly address: string; readonly port: number }[]
}
