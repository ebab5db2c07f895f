import type { AccessLogConfig } from './access-log-config.ts'

/** `envoy.filters.udp_listener.udp_proxy` and the listener's socket settings, compiled. */
export interface UdpProxyConfig {
  readonly statPrefix: string
  /** `cluster`, or what `matcher.on_no_match` routes to. */
  readonly cluster: string
  /** Milliseconds without a datagram in either direction that end a session; 1 min by default. */
  readonly idleTimeoutMs: number
  /** What consistent hashing takes a host by: the address of the client, or one text for all; absent: chance. */
  readonly hashPolicy: { readonly kind: 'source-ip' } | { readonly kind: 'key'; readonly key: string } | undefined
  /** Each datagram is balanced by itself; sessions are then kept for each pair of client and host. */
  readonly usePerPacketLoadBalancing: boolean
  /** Longer datagrams of clients are dropped; 1500 by default (`downstream_socket_config.max_rx_datagram_size`). */
  readonly maxReceivedBytes: number
  /** Longer datagrams of hosts are dropped; any length by default (`upstream_socket_config.max_rx_datagram_size`). */
  readonly maxUpstreamReceivedBytes: number
  /** One line for each session, when it ends. */
  readonly accessLogs: readonly AccessLogConfig[]
}
