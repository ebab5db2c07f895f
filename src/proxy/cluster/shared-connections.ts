import type { WheelTimer } from '../../base/index.ts'
import type { StreamSocket } from '../../net/index.ts'
import { defaultHttp2Config } from '../config/index.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { ClusterRuntime, ConnectOutcome } from './contract.ts'
import { defaultSessionLimits, type SessionLimits } from '../../wire/http2/index.ts'
import { type ConnectionKeeper, MultiplexedConnection } from './multiplexed-connection.ts'
import { PendingQueue, type PendingTicket } from './pending-queue.ts'

/** Bounds of a window (RFC 9113 section 6.9). */
const smallestWindow = 65_535
const largestWindow = 0x7fff_ffff

/** What the connections of an endpoint need of it. */
export interface SharedConnectionsHost {
  readonly cluster: ClusterRuntime
  /** Connections are TLS: only then can they negotiate. */
  readonly encrypted: () => boolean
  /** Opens a connection; false when the limit forbids it. */
  readonly connect: (done: (outcome: ConnectOutcome) => void) => boolean
  /** A request waits no more. */
  readonly leave: () => void
  /** The endpoint turned out to speak HTTP/1.1 only: its connection, and those who waited for it. */
  readonly adopt: (socket: StreamSocket, tickets: readonly PendingTicket[]) => void
}

/**
 * The multiplexed connections to one endpoint, few, since each carries many requests; and the requests that wait for one. Idle connections close after
 * the cluster's idle timeout.
 */
export class SharedConnections implements ConnectionKeeper {
  /** Those that take requests. */
  readonly #open: MultiplexedConnection[] = []
  readonly #services: ClusterServices
  readonly #host: SharedConnectionsHost
  readonly #timer: WheelTimer
  readonly #pending = new PendingQueue()
  readonly #onOpened = (outcome: ConnectOutcome): void => this.#opened(outcome)
  #opening = false
  /** With `auto`: the endpoint was found to speak HTTP/1.1 only. */
  #refused = false
  #retired = false

  constructor(services: ClusterServices, host: SharedConnectionsHost) {
    this.#services = services
    this.#host = host
    this.#timer = services.timers.timer({ onTimer: () => this.#closeExpired() })
  }

  /** Requests that wait. */
  get pending(): number {
    return this.#pending.length
  }

  /** Requests wait, and no connection is being opened for them. */
  get lacks(): boolean {
    return this.#pending.length > 0 && !this.#opening
  }

  /** Connections to this endpoint can be shared, for all that is known. */
  get expected(): boolean {
    const { protocol } = this.#host.cluster.config
    if (protocol === 'auto') return !this.#refused && this.#host.encrypted()
    return protocol === 'http2' || protocol === 'downstream'
  }

  /** A connection that takes one more request, one that flows freely if there is; undefined when there is none. */
  take(): MultiplexedConnection | undefined {
    let found: MultiplexedConnection | undefined
    for (const connection of this.#open) {
      if (connection.capacity <= 0) continue
      if (connection.flowing) return connection
      found ??= connection
    }
    return found
  }

  /** Waits for a connection; `openForPending` must follow. */
  enqueue(ticket: PendingTicket): void {
    this.#pending.push(ticket)
  }

  /** False when it does not wait here. */
  dequeue(ticket: PendingTicket): boolean {
    return this.#pending.remove(ticket)
  }

  /** Opens a connection if requests wait; one at a time, since it may serve them all. */
  openForPending(): void {
    if (this.lacks) this.#opening = this.#host.connect(this.#onOpened)
  }

  /** No connection takes requests any more; each closes when its last one is over. What is known of the endpoint is forgotten. */
  close(): void {
    this.#refused = false
    for (const connection of [...this.#open]) connection.close()
    this.#timer.cancel()
  }

  /** The endpoint is gone: as `close`, and those that are being opened serve who waits and close then. */
  retire(): void {
    this.#retired = true
    this.close()
  }

  /** Closes those that carry nothing. */
  closeIdle(): void {
    for (const connection of [...this.#open]) if (connection.session.activeStreams === 0) connection.close()
  }

  onCapacity(connection: MultiplexedConnection): void {
    if (this.#pending.length > 0 && connection.capacity > 0) this.#serve()
  }

  onIdle(connection: MultiplexedConnection): void {
    const { idleTimeoutMs } = this.#host.cluster.config
    connection.idleSince = this.#services.clock.monotonic()
    // First to give buffers back.
    const { idleTrimMs } = this.#services.limits
    if (!this.#timer.armed) this.#timer.arm(idleTimeoutMs > 0 ? Math.min(idleTimeoutMs, idleTrimMs) : idleTrimMs)
  }

  onClosing(connection: MultiplexedConnection): void {
    const index = this.#open.indexOf(connection)
    if (index >= 0) this.#open.splice(index, 1)
  }

  onFault(counter: string): void {
    this.#services.telemetry.counter(`envoy_cluster_http2_${counter}`, {
      envoy_cluster_name: this.#host.cluster.config.name,
    }).value += 1
  }

  onGone(): void {
    this.openForPending()
  }

  #opened(outcome: ConnectOutcome): void {
    this.#opening = false
    if (outcome.kind === 'failed') {
      this.#fail(outcome)
      return
    }
    const { protocol } = this.#host.cluster.config
    if (protocol === 'auto') this.#refused = outcome.alpn !== 'h2'
    if (this.#refused) {
      this.#host.adopt(outcome.socket, this.#takeAll())
      return
    }
    const connection = this.#share(outcome.socket)
    this.#serve()
    if (this.#retired) connection.close()
    this.openForPending()
  }

  /** All who wait hoped for this one, unless others are open. */
  #fail(outcome: Extract<ConnectOutcome, { readonly kind: 'failed' }>): void {
    const failing = this.#open.length > 0 ? [this.#pending.first(true)] : this.#takeAll()
    for (const ticket of failing) {
      if (ticket === undefined) continue
      this.#pending.remove(ticket)
      this.#host.leave()
      this.#host.cluster.stats.upstream_rq_pending_failure_eject += 1
      ticket.request.onConnectionFailed(outcome)
    }
    this.openForPending()
  }

  #takeAll(): PendingTicket[] {
    const tickets: PendingTicket[] = []
    for (let ticket = this.#pending.first(true); ticket !== undefined; ticket = this.#pending.first(true)) {
      this.#pending.remove(ticket)
      tickets.push(ticket)
    }
    return tickets
  }

  #share(socket: StreamSocket): MultiplexedConnection {
    const { clock, limits, random, timers } = this.#services
    const { flushTimeoutMs, lingerMs, settingsTimeoutMs } = limits
    const { config } = this.#host.cluster
    const http2 = config.http2 ?? defaultHttp2Config
    const connection = new MultiplexedConnection(socket, this, {
      limits: { connectionWindowBytes: allWindows(http2.limits), ...http2.limits },
      keepalive: http2.keepalive,
      output: { timers, flushTimeoutMs, lingerMs },
      settingsTimeoutMs,
      random,
      hpack: {
        sectionBytes: limits.responseHeadBytes,
        fieldCount: limits.responseHeaderCount + 1,
        valueBytes: limits.headerFieldBytes,
      },
      now: () => clock.monotonic(),
      maxRequests: config.maxRequestsPerConnection,
    })
    this.#open.push(connection)
    this.onIdle(connection)
    return connection
  }

  /** Hands connections that take more requests to those who wait. */
  #serve(): void {
    for (let connection = this.take(); connection !== undefined; connection = this.take()) {
      const ticket = this.#pending.first(true)
      if (ticket === undefined) return
      this.#pending.remove(ticket)
      this.#host.leave()
      ticket.request.onSharedConnection?.(connection)
    }
  }

  #closeExpired(): void {
    const { idleTimeoutMs } = this.#host.cluster.config
    const { idleTrimMs } = this.#services.limits
    const now = this.#services.clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const connection of [...this.#open]) {
      if (connection.idleSince < 0) continue
      const idleMs = now - connection.idleSince
      if (idleTimeoutMs > 0 && idleMs >= idleTimeoutMs) {
        connection.close()
        continue
      }
      if (idleMs >= idleTrimMs) connection.session.trim()
      else next = Math.min(next, idleTrimMs - idleMs)
      if (idleTimeoutMs > 0) next = Math.min(next, idleTimeoutMs - idleMs)
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer.arm(next)
  }
}

/** The windows of all streams together: however many clients are slow, what waits for them keeps nothing from the others on the connection. */
function allWindows(limits: Partial<SessionLimits>): number {
  const { maxConcurrentStreams, streamWindowBytes } = { ...defaultSessionLimits, ...limits }
  return Math.min(largestWindow, Math.max(smallestWindow, maxConcurrentStreams * streamWindowBytes))
}
