import type { WheelTimer } from '../../base/index.ts'
import type { StreamSocket } from '../../net/index.ts'
import { type ClusterConfig, defaultHttp2Config } from '../config/index.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { ConnectOutcome } from './contract.ts'
import { type ConnectionKeeper, MultiplexedConnection } from './multiplexed-connection.ts'

/** Who uses the connections. */
export interface SharedConnectionsOwner {
  /** A connection may take more requests. */
  readonly onCapacity: () => void
  /** A connection is gone. */
  readonly onGone: () => void
}

/** The multiplexed connections to one endpoint: few, since each carries many requests. Idle ones close after the cluster's idle timeout. */
export class SharedConnections implements ConnectionKeeper {
  /** Those that take requests, and those that only finish them. */
  readonly #open: MultiplexedConnection[] = []
  readonly #closing = new Set<MultiplexedConnection>()
  readonly #services: ClusterServices
  readonly #owner: SharedConnectionsOwner
  readonly #timer: WheelTimer
  #idleTimeoutMs = 0
  /** With `auto`: the endpoint was found to speak HTTP/1.1 only. */
  #refused = false

  constructor(services: ClusterServices, owner: SharedConnectionsOwner) {
    this.#services = services
    this.#owner = owner
    this.#timer = services.timers.timer({ onTimer: () => this.#closeExpired() })
  }

  get length(): number {
    return this.#open.length
  }

  /** New connections are thought to be shared. */
  expected({ protocol }: ClusterConfig): boolean {
    return protocol === 'http2' || (protocol === 'auto' && !this.#refused)
  }

  /** The connection that was opened just now is to be shared. */
  takes(outcome: Extract<ConnectOutcome, { readonly kind: 'connected' }>, { protocol }: ClusterConfig): boolean {
    if (protocol === 'http2') return true
    if (protocol !== 'auto') return false
    this.#refused = outcome.alpn !== 'h2'
    return !this.#refused
  }

  /** A connection that takes one more request: one that flows freely, if there is. */
  take(): MultiplexedConnection | undefined {
    let found: MultiplexedConnection | undefined
    for (const connection of this.#open) {
      if (connection.capacity <= 0) continue
      if (connection.flowing) return connection
      found ??= connection
    }
    return found
  }

  /** Shares a connection. */
  add(socket: StreamSocket, config: ClusterConfig): void {
    const { clock } = this.#services
    this.#idleTimeoutMs = config.idleTimeoutMs
    const { maxConcurrentStreams, streamWindowBytes, connectionWindowBytes } = config.http2 ?? defaultHttp2Config
    const connection = new MultiplexedConnection(socket, this, {
      limits: {
        maxConcurrentStreams,
        streamWindowBytes,
        connectionWindowBytes,
      },
      now: () => clock.monotonic(),
      maxRequests: config.maxRequestsPerConnection,
    })
    this.#open.push(connection)
    this.onIdle(connection)
  }

  /** No connection takes requests any more; each closes when its last one is over. */
  close(): void {
    for (const connection of [...this.#open]) connection.close()
    this.#timer.cancel()
  }

  /** Closes those that carry nothing. */
  closeIdle(): void {
    for (const connection of [...this.#open]) if (connection.session.activeStreams === 0) connection.close()
  }

  onCapacity(connection: MultiplexedConnection): void {
    if (connection.capacity > 0) this.#owner.onCapacity()
  }

  onIdle(connection: MultiplexedConnection): void {
    connection.idleSince = this.#services.clock.monotonic()
    if (this.#idleTimeoutMs > 0 && !this.#timer.armed) this.#timer.arm(this.#idleTimeoutMs)
  }

  onClosing(connection: MultiplexedConnection): void {
    const index = this.#open.indexOf(connection)
    if (index >= 0) this.#open.splice(index, 1)
    this.#closing.add(connection)
  }

  onGone(connection: MultiplexedConnection): void {
    this.#closing.delete(connection)
    this.#owner.onGone()
  }

  #closeExpired(): void {
    const now = this.#services.clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const connection of [...this.#open]) {
      if (connection.idleSince < 0) continue
      const left = connection.idleSince + this.#idleTimeoutMs - now
      if (left <= 0) connection.close()
      else next = Math.min(next, left)
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer.arm(next)
  }
}
