import type { Http2Config } from './http2-config.ts'
import type { AccessLogConfig } from './access-log-config.ts'
import type { RequestView, RouteTable } from '../route/index.ts'
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
  readonly network: HttpManagerConfig | TcpProxyConfig
  /** `envoy.filters.network.connection_limit` before it; absent: no limit of the chain's own. */
  readonly connectionLimit?: ConnectionLimitConfig
}

/** `envoy.filters.network.connection_limit`, compiled. */
export interface ConnectionLimitConfig {
  readonly statPrefix: string
  /** Connections of the filter chain at once; more are closed. */
  readonly maxConnections: number
  /** How long a connection too many is held, unread, before it is closed; 0: at once. */
  readonly delayMs: number
}

/** Conditions on a connection; Envoy's order of specificity: destination port, then longest prefix. */
export interface FilterChainMatch {
  readonly destinationPort: number | undefined
  readonly destinationPrefixes: readonly { readonly address: string; readonly length: number }[]
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
  /** The fault filter is in the chain: routes' fault settings count. */
  readonly faultFilter: boolean
  /** The health_check filter; absent: the proxy does not answer for its own health on this listener. */
  readonly healthFilter?: HealthFilterConfig
  /** The on_demand filter is in the chain: an unknown virtual host is asked for and the request waits. */
  readonly onDemand: boolean
  readonly accessLogs: readonly AccessLogConfig[]
  /** `upgrade_configs` types, lower case. */
  readonly upgrades: readonly string[]
}

/** `envoy.filters.http.health_check` without pass-through. */
export interface HealthFilterConfig {
  /** The request asks after the proxy's own health. */
  readonly matches: (request: RequestView) => boolean
}

/** `envoy.filters.network.tcp_proxy`, compiled. */
export interface TcpProxyConfig {
  readonly kind: 'tcp'
  readonly statPrefix: string
  readonly clusters: readonly { readonly name: string; readonly weight: number }[]
  /** Milliseconds, 0 is off; 1 h by default. */
  readonly idleTimeoutMs: number
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
