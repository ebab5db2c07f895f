import type { Clock, TimerWheel } from '../../base/index.ts'
import type { BulkMover, SocketOwner, StreamSocket } from '../../net/index.ts'
import type { AccessLogRecord, Telemetry } from '../../telemetry/index.ts'
import type { ClusterRuntime } from '../cluster/index.ts'
import type { AccessLogConfig, TcpProxyConfig } from '../config/index.ts'
import type { ProxyLimits } from '../limits.ts'
import type { ConnectionServer } from './connection-server.ts'
import type { DownstreamInfo } from './downstream.ts'
import type { WorkloadNode } from './edge-ends.ts'
import { TcpSession } from './tcp-session.ts'

/** Everything that a TCP proxy needs. */
export interface TcpProxyOptions {
  /** Read for each connection, so that a replaced configuration counts from the next one on. */
  readonly config: () => TcpProxyConfig
  readonly cluster: (name: string) => ClusterRuntime | undefined
  readonly telemetry: Telemetry
  readonly logAccess: (config: AccessLogConfig, record: AccessLogRecord) => void
  readonly clock: Clock
  readonly limits: ProxyLimits
  readonly timers: TimerWheel
  readonly random: () => number
  /** Moves large amounts between plain connections; absent: they are copied. */
  readonly bulk?: BulkMover
  readonly node: WorkloadNode
}

/** Makes the TCP proxy of one filter chain: each accepted connection is joined to one of a cluster of the configuration, drawn by weight. */
export function createTcpProxy(options: TcpProxyOptions): ConnectionServer {
  const sessions = new Set<TcpSession>()
  let whenEmpty: (() => void) | undefined
  return {
    accept(socket: StreamSocket, info: DownstreamInfo): SocketOwner {
      const session = new TcpSession(options, socket, info, () => {
        sessions.delete(session)
        if (sessions.size === 0) whenEmpty?.()
      })
      sessions.add(session)
      session.start()
      return socket.data
    },
    get connections() {
      return sessions.size
    },
    get activeRequests() {
      return 0
    },
    async drain(timeoutMs) {
      if (sessions.size === 0) return
      // A byte stream has no polite end: it is given the time, then cut.
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = options.timers.after(timeoutMs, () => {
        for (const session of sessions) session.abort()
      })
      const others = whenEmpty
      whenEmpty = () => {
        others?.()
        resolve()
      }
      await promise
      timer.cancel()
    },
  }
}
