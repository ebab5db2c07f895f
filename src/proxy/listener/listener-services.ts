import type { Clock, TimerWheel } from '../../base/index.ts'
import type { OriginalDestinationReader, SocketBudget, SocketSource } from '../../net/index.ts'
import type { AccessLogRecord, Telemetry } from '../../telemetry/index.ts'
import type { AccessLogConfig, HttpManagerConfig, TcpProxyConfig, UdpProxyConfig } from '../config/index.ts'
import type { ConnectionServer, UdpProxy, UdpReplies } from '../network/index.ts'
import type { OverloadState } from '../overload/index.ts'
import type { TlsMaterial } from '../tls/index.ts'

/** What listeners are given by the composition; nothing else is reached for. */
export interface ListenerServices {
  readonly tls: TlsMaterial
  readonly budget: SocketBudget
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly timers: TimerWheel
  readonly overload: OverloadState
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly logAccess: (config: AccessLogConfig, record: AccessLogRecord) => void
  /** Where listening sockets come from that another process opened; absent: all are opened here. */
  readonly sockets?: SocketSource | undefined
  /** Connections of a filter chain that left the configuration have so long to end, ms. */
  readonly drainTimeMs: number
  /** Made when the first listener needs it; throws where the system has no such thing. */
  readonly originalDestination: () => OriginalDestinationReader
  /** Makes what serves a chain; `config` is read anew for each request or connection. */
  readonly createHttp: (config: () => HttpManagerConfig) => ConnectionServer
  readonly createTcp: (config: () => TcpProxyConfig) => ConnectionServer
  /** Makes what serves the datagrams of a UDP listener. */
  readonly createUdp: (config: UdpProxyConfig, listener: UdpReplies) => UdpProxy
}
