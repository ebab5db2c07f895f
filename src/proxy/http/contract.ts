import type { Clock, TimerWheel } from '../../base/index.ts'
import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import type { AccessLogRecord, Telemetry } from '../../telemetry/index.ts'
import type { ClusterRuntime } from '../cluster/index.ts'
import type { AccessLogConfig, HttpManagerConfig } from '../config/index.ts'
import type { OnDemand } from '../data-plane.ts'
import type { ProxyLimits } from '../limits.ts'
import type { OverloadState } from '../overload/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import type { RouteTable } from '../route/index.ts'

/** The workload that this proxy serves, as peers and metrics see it. Unknown texts are empty. */
export interface HttpNode {
  /** Node id of the bootstrap, sent as `x-envoy-peer-metadata-id`. */
  readonly id: string
  readonly name: string
  readonly namespace: string
  readonly workload: string
  readonly clusterId: string
  /** `node.cluster` of the bootstrap: what this proxy calls itself when it is asked after its health. */
  readonly serviceCluster?: string
  /** Workload labels; `service.istio.io/canonical-name`, `app` and `version` are read for metrics. */
  readonly labels: Readonly<Record<string, string>>
}

/** Everything that a connection manager needs; nothing else is reached for. */
export interface HttpServerOptions {
  /** Read for each request, so that a replaced configuration counts from the next request on. */
  readonly manager: () => HttpManagerConfig
  readonly routeTable: (name: string) => RouteTable | undefined
  readonly cluster: (name: string) => ClusterRuntime | undefined
  readonly onDemand: OnDemand | undefined
  readonly telemetry: Telemetry
  /** Called per request and configured logger. The record is reused: it is valid only during the call. */
  readonly logAccess: (config: AccessLogConfig, record: AccessLogRecord) => void
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly node: HttpNode
  readonly timers: TimerWheel
  readonly limits: ProxyLimits
  /** Absent: never overloaded. */
  readonly overload?: OverloadState
}

/** The HTTP side of one listener filter chain. */
export interface HttpServer {
  /** Makes the owner of an accepted connection (after the TLS handshake); the caller assigns it to `socket.data`. */
  readonly accept: (socket: StreamSocket, info: DownstreamInfo) => SocketOwner
  readonly connections: number
  readonly activeRequests: number
  /** Idle times got shorter (`reduce_timeouts`): those that run are measured anew. */
  readonly onTimeoutsReduced?: () => void
  /**
   * Answers what is in progress with `Connection: close`, closes idle connections, and resolves when none is left; those that
   * are open after `timeoutMs` are cut. With `idleMs` idle connections have so long for a last request. Connections accepted later get `Connection: close` on their first response.
   */
  readonly drain: (timeoutMs: number, idleMs?: number) => Promise<void>
}
