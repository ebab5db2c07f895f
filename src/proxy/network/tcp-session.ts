import type { WheelTimer } from '../../base/index.ts'
import {
  type BytePump,
  createBytePump,
  negotiatedProtocol,
  type SocketOwner,
  type StreamSocket,
} from '../../net/index.ts'
import { type AccessLogRecord, type EdgeSeries, ResponseFlag } from '../../telemetry/index.ts'
import { type ClusterRuntime, type ConnectOutcome, type EndpointRuntime, PendingTicket } from '../cluster/index.ts'
import type { TcpProxyConfig, TcpTarget } from '../config/index.ts'
import { hashText, type SubsetMatch } from '../route/index.ts'
import { createConnectionRecord } from './connection-record.ts'
import { conveyedEnds } from './conveyed-ends.ts'
import type { DownstreamInfo } from './downstream.ts'
import { tcpEdgeLabels } from './tcp-edge-labels.ts'
import type { TcpProxyOptions } from './tcp-proxy.ts'
import { withoutPort } from './without-port.ts'

/**
 * One TCP connection through the proxy.
 *
 *     connecting --upstream is there--> piping --both closed--> finished
 *         |  ^                                                     ^
 *         |  +-- next attempt                                      |
 *         +------- no cluster, no host, attempts used up ----------+
 */
export class TcpSession implements SocketOwner {
  #state: 'connecting' | 'piping' | 'finished' = 'connecting'
  #attempts = 0
  #early: Uint8Array[] = []
  #earlyBytes = 0
  #clientEnded = false
  #connecting: { readonly cancel: () => void } | undefined
  #pump: BytePump | undefined
  #series: EdgeSeries | undefined
  #endpoint: EndpointRuntime | undefined
  #subset: SubsetMatch | undefined
  #timer: WheelTimer | undefined
  #durationTimer: WheelTimer | undefined
  readonly #options: TcpProxyOptions
  readonly #config: TcpProxyConfig
  readonly #client: StreamSocket
  readonly #info: DownstreamInfo
  readonly #record: AccessLogRecord
  readonly #startedAt: number
  readonly #onFinished: () => void

  constructor(options: TcpProxyOptions, client: StreamSocket, info: DownstreamInfo, onFinished: () => void) {
    this.#options = options
    this.#config = options.config()
    this.#client = client
    this.#info = info
    this.#onFinished = onFinished
    this.#startedAt = options.clock.monotonic()
    this.#record = createConnectionRecord(info, options.clock.now())
  }

  /** Becomes the owner of the client's socket and starts to connect. */
  start(): void {
    this.#client.data = this
    this.#client.pause()
    const { maxDurationMs } = this.#config
    if (maxDurationMs !== undefined) {
      this.#durationTimer = this.#options.timers.timer({ onTimer: () => this.#onDurationOver() })
      this.#durationTimer.arm(maxDurationMs)
    }
    const { name, subset } = drawCluster(this.#config, this.#options.random)
    this.#subset = subset
    this.#record.upstreamCluster = name
    const cluster = this.#options.cluster(name)
    if (cluster === undefined) this.#refuse(ResponseFlag.NC, 'cluster_not_found')
    else this.#connect(cluster, undefined)
  }

  /** Cuts the connection. */
  abort(): void {
    if (this.#pump !== undefined) this.#pump.abort()
    else this.#refuse(0, 'drained')
  }

  onData(_socket: StreamSocket, bytes: Uint8Array): void {
    this.#earlyBytes += bytes.length
    if (this.#earlyBytes > this.#options.limits.earlyBytes) this.#refuse(ResponseFlag.UO, 'too_many_early_bytes')
    else this.#early.push(bytes.slice())
  }

  onDrain(): void {}

  onEnd(): void {
    this.#clientEnded = true
  }

  onClose(): void {
    if (this.#state !== 'connecting') return
    this.#connecting?.cancel()
    this.#finish(ResponseFlag.DC, 'downstream_disconnect')
  }

  #connect(cluster: ClusterRuntime, avoid: EndpointRuntime | undefined): void {
    const { destinationAddress: address, destinationPort: port } = this.#info
    const original = address === '' ? '' : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
    const hash = this.#config.hashSourceIp === true ? hashText(withoutPort(this.#info.remoteAddress)) : undefined
    const endpoint = cluster.pick(avoid === undefined ? undefined : { hosts: [avoid] }, original, hash, this.#subset)
    if (endpoint === undefined) {
      this.#refuse(ResponseFlag.UH, 'no_healthy_upstream')
      return
    }
    this.#attempts += 1
    this.#record.upstreamHost = endpoint.authority
    if (endpoint.mayConnect)
      this.#connecting = endpoint.connect(this, (outcome) => this.#onOutcome(cluster, endpoint, outcome), {
        conveyed: conveyedEnds(this.#info),
      })
    else this.#wait(cluster, endpoint)
  }

  /** At the limit of connections a session waits until another ends, as far as `max_pending_requests` goes (as in Envoy). */
  #wait(cluster: ClusterRuntime, endpoint: EndpointRuntime): void {
    // A connection of the queue is nobody's own: no PROXY protocol header could be sent on it.
    const ownOnly = cluster.config.proxyProtocol !== undefined
    if (ownOnly || cluster.pendingRequests >= cluster.config.limits.maxPendingRequests) {
      cluster.stats.upstream_rq_pending_overflow += 1
      this.#refuse(ResponseFlag.UO, 'upstream_connection_limit')
      return
    }
    const ticket = new PendingTicket({
      onConnection: (socket) => {
        const { peerSpiffeId, localSpiffeId } = endpoint
        const alpn = negotiatedProtocol(socket)
        this.#onOutcome(cluster, endpoint, { kind: 'connected', socket, peerSpiffeId, localSpiffeId, alpn })
        return true
      },
      onConnectionFailed: (outcome) => this.#onOutcome(cluster, endpoint, outcome),
    })
    // What another request used before is no connection for a stream of bytes.
    ticket.freshOnly = true
    this.#connecting = { cancel: () => endpoint.dequeue(ticket) }
    endpoint.enqueue(ticket)
  }

  #onOutcome(cluster: ClusterRuntime, endpoint: EndpointRuntime, outcome: ConnectOutcome): void {
    this.#connecting = undefined
    if (outcome.kind === 'connected') {
      endpoint.outlier?.countTcpConnected()
      this.#pipe(cluster, endpoint, outcome)
      return
    }
    if (outcome.reason === 'timeout') endpoint.outlier?.countTimeout()
    else if (outcome.reason !== 'overflow') endpoint.outlier?.countConnectFailure()
    this.#record.upstreamTransportFailureReason = outcome.reason === 'tls' ? outcome.message : ''
    if (outcome.reason === 'overflow') this.#refuse(ResponseFlag.UO, 'upstream_connection_limit')
    else if (this.#attempts >= this.#config.maxConnectAttempts)
      this.#refuse(
        ResponseFlag.UF | (this.#config.maxConnectAttempts > 1 ? ResponseFlag.URX : 0),
        `upstream_connect_${outcome.reason}`,
      )
    else this.#connect(cluster, endpoint)
  }

  #pipe(
    cluster: ClusterRuntime,
    endpoint: EndpointRuntime,
    outcome: ConnectOutcome & { readonly kind: 'connected' },
  ): void {
    this.#state = 'piping'
    this.#endpoint = endpoint
    endpoint.activeRequests += 1
    endpoint.totalRequests += 1
    if (cluster.config.closeOnHealthFailure === true) endpoint.boundSessions?.add(this)
    const series = this.#seriesOf(cluster, endpoint, outcome)
    this.#series = series
    series.tcpOpened()
    this.#record.upstreamLocalAddress = `${outcome.socket.localAddress}:${outcome.socket.localPort}`
    const { idleTimeoutMs } = this.#config
    if (idleTimeoutMs > 0) {
      this.#timer = this.#options.timers.timer({ onTimer: () => this.#onIdle() })
      this.#timer.arm(idleTimeoutMs)
    }
    const pending = this.#early
    this.#early = []
    this.#client.resume()
    this.#pump = createBytePump(this.#client, outcome.socket, {
      pending,
      firstEnded: this.#clientEnded,
      bulk: outcome.plain === true && !this.#info.tls ? this.#options.bulk : undefined,
      onBytes: (direction, count) => {
        this.#timer?.arm(idleTimeoutMs)
        if (direction === 'forward') {
          this.#record.bytesReceived += count
          series.tcpBytes(0, count)
        } else {
          this.#record.bytesSent += count
          series.tcpBytes(count, 0)
        }
      },
      onClosed: (by, error) => {
        if (error === undefined) this.#finish(0, '')
        else if (by === 'first') this.#finish(ResponseFlag.DC, 'downstream_reset')
        else this.#finish(ResponseFlag.UC, 'upstream_reset')
      },
    })
  }

  #seriesOf(
    cluster: ClusterRuntime,
    endpoint: EndpointRuntime,
    outcome: ConnectOutcome & { readonly kind: 'connected' },
  ): EdgeSeries {
    const info = this.#info
    const key = `tcp|${info.direction}|${info.peerSpiffeId}|${info.localSpiffeId}|${outcome.peerSpiffeId}`
    const known = endpoint.series.get(key)
    if (known !== undefined) return known
    const made = this.#options.telemetry.edge(
      tcpEdgeLabels({
        node: this.#options.node,
        info,
        cluster: cluster.config,
        endpoint: endpoint.config,
        upstreamSpiffeId: outcome.peerSpiffeId,
        localSpiffeId: outcome.localSpiffeId ?? '',
      }),
    )
    endpoint.series.set(key, made)
    return made
  }

  #onIdle(): void {
    this.#record.details = 'idle_timeout'
    this.#pump?.abort()
  }

  #onDurationOver(): void {
    this.#refuse(ResponseFlag.DT, maxDurationDetails)
    if (this.#pump === undefined) return
    this.#record.flags |= ResponseFlag.DT
    this.#record.details = maxDurationDetails
    this.#pump.abort()
  }

  /** Closes the client's connection without an upstream one. */
  #refuse(flags: number, details: string): void {
    if (this.#state !== 'connecting') return
    this.#connecting?.cancel()
    this.#finish(flags, details)
    this.#client.terminate()
  }

  #finish(flags: number, details: string): void {
    if (this.#state === 'finished') return
    this.#state = 'finished'
    this.#timer?.cancel()
    this.#durationTimer?.cancel()
    if (this.#endpoint !== undefined) this.#endpoint.activeRequests -= 1
    this.#endpoint?.boundSessions?.delete(this)
    const record = this.#record
    if (record.details === '') {
      record.flags |= flags
      record.details = details
    }
    this.#series?.tcpClosed(record.flags)
    record.durationMs = this.#options.clock.monotonic() - this.#startedAt
    for (const config of this.#config.accessLogs) this.#options.logAccess(config, record)
    this.#onFinished()
  }
}

/** Envoy's words. */
const maxDurationDetails = 'max_connection_duration_reached'

function drawCluster(config: TcpProxyConfig, random: () => number): TcpTarget {
  const [first] = config.clusters
  if (config.clusters.length === 1 && first !== undefined) return first
  const total = config.clusters.reduce((sum, { weight }) => sum + weight, 0)
  let point = random() * total
  for (const target of config.clusters) {
    point -= target.weight
    if (point < 0) return target
  }
  return config.clusters.at(-1) ?? { name: '', weight: 0 }
}
