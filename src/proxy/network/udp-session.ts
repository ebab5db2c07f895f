import type { WheelTimer } from '../../base/index.ts'
import { connectUdp, type UdpConnection } from '../../net/index.ts'
import { type AccessLogRecord, ResponseFlag } from '../../telemetry/index.ts'
import type { EndpointRuntime, UdpSessionOwner } from '../cluster/index.ts'
import type { UdpProxy } from './udp-proxy.ts'
import type { UdpClusterStats } from './udp-stats.ts'

/** Who a session belongs to: a client, and with balancing per datagram a host as well. */
export interface UdpPeer {
  readonly key: string
  readonly address: string
  readonly port: number
}

/**
 * The datagrams of one client to one host and back, through a socket of their own.
 *
 *     opening --socket is there--> open --idle, host gone, route changed, drained--> ended
 *        |                                                                              ^
 *        +-- no socket, host gone, ... -------------------------------------------------+
 */
export class UdpSession implements UdpSessionOwner {
  #state: 'opening' | 'open' | 'ended' = 'opening'
  #socket: UdpConnection | undefined
  #early: Uint8Array[] = []
  readonly peer: UdpPeer
  readonly endpoint: EndpointRuntime
  readonly #proxy: UdpProxy
  readonly #cluster: UdpClusterStats
  readonly #record: AccessLogRecord
  readonly #startedAt: number
  readonly #timer: WheelTimer

  constructor(proxy: UdpProxy, peer: UdpPeer, endpoint: EndpointRuntime) {
    this.#proxy = proxy
    this.peer = peer
    this.endpoint = endpoint
    this.#cluster = proxy.clusterStats
    this.#startedAt = proxy.options.clock.monotonic()
    this.#record = proxy.recordOf(peer)
    this.#record.upstreamHost = endpoint.authority
    this.#record.upstreamCluster = endpoint.cluster.config.name
    this.#timer = proxy.options.timers.timer({ onTimer: () => this.#onIdle() })
  }

  /** Takes its place at the endpoint and begins to open the socket; false when there is no place, and the session is over. */
  start(): boolean {
    const refusal = this.endpoint.udpSessions.open(this)
    if (refusal !== undefined) {
      this.#state = 'ended'
      this.#record.upstreamHost = ''
      this.#record.flags = refusal === 'overflow' ? ResponseFlag.UO : ResponseFlag.UF
      this.#record.details = refusal === 'overflow' ? 'upstream_connection_limit' : 'upstream_is_not_plain_udp'
      this.#log()
      return false
    }
    this.endpoint.activeRequests += 1
    this.endpoint.totalRequests += 1
    this.#timer.arm(this.#proxy.config.idleTimeoutMs)
    void this.#open()
    return true
  }

  /** A datagram of the client. */
  forward(bytes: Uint8Array): void {
    const { stats, config, options } = this.#proxy
    this.#timer.arm(config.idleTimeoutMs)
    stats.receivedDatagrams.value += 1
    stats.receivedBytes.value += bytes.length
    this.#record.bytesReceived += bytes.length
    if (this.#socket !== undefined) this.#send(this.#socket, bytes)
    else if (this.#early.length < options.limits.udpEarlyDatagrams) this.#early.push(bytes.slice())
    else stats.receivedDropped.value += 1
  }

  onHostGone(): void {
    this.end('host_removed')
  }

  /** Ends it; `details` go to the log. */
  end(details: string, flags = 0): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#timer.cancel()
    this.#early = []
    this.#socket?.close()
    this.endpoint.udpSessions.close(this)
    this.endpoint.activeRequests -= 1
    this.#record.flags = flags
    this.#record.details = details
    this.#log()
    this.#proxy.onSessionEnded(this)
  }

  async #open(): Promise<void> {
    const { address, port } = this.endpoint.config
    const socket = await connectUdp(address, port, {
      onDatagram: (bytes) => this.#onAnswer(bytes),
      onError: () => {
        this.#cluster.receiveErrors.value += 1
      },
    })
    if (this.#state === 'ended') {
      socket?.close()
      return
    }
    if (socket === undefined) {
      this.#cluster.sendErrors.value += this.#early.length
      this.end('upstream_socket_failed', ResponseFlag.UF)
      return
    }
    this.#state = 'open'
    this.#socket = socket
    this.#record.upstreamLocalAddress = socket.localAddress
    const early = this.#early
    this.#early = []
    for (const bytes of early) this.#send(socket, bytes)
  }

  #send(socket: UdpConnection, bytes: Uint8Array): void {
    if (socket.send(bytes) === 'sent') {
      this.#cluster.sentDatagrams.value += 1
      this.#cluster.sentBytes.value += bytes.length
    } else {
      this.#cluster.sendErrors.value += 1
    }
  }

  #onAnswer(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    const { stats, config } = this.#proxy
    if (bytes.length > config.maxUpstreamReceivedBytes) {
      this.#cluster.receivedDropped.value += 1
      return
    }
    this.#timer.arm(config.idleTimeoutMs)
    this.#cluster.receivedDatagrams.value += 1
    this.#cluster.receivedBytes.value += bytes.length
    if (this.#proxy.reply(bytes, this.peer.port, this.peer.address) === 'sent') {
      stats.sentDatagrams.value += 1
      stats.sentBytes.value += bytes.length
      this.#record.bytesSent += bytes.length
    } else {
      stats.sendErrors.value += 1
    }
  }

  #onIdle(): void {
    this.#proxy.stats.idleTimeout.value += 1
    this.end('idle_timeout')
  }

  #log(): void {
    const { options, config } = this.#proxy
    this.#record.durationMs = options.clock.monotonic() - this.#startedAt
    for (const log of config.accessLogs) options.logAccess(log, this.#record)
  }
}
