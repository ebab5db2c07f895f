import type { Clock, TimerWheel } from '../../base/index.ts'
import type { DatagramOutcome } from '../../net/index.ts'
import { type AccessLogRecord, emptyAccessLogRecord, type Telemetry } from '../../telemetry/index.ts'
import type { ClusterRuntime, EndpointRuntime } from '../cluster/index.ts'
import type { AccessLogConfig, UdpProxyConfig } from '../config/index.ts'
import type { ProxyLimits } from '../limits.ts'
import { hashText } from '../route/index.ts'
import { UdpSession, type UdpPeer } from './udp-session.ts'
import { createUdpClusterStats, createUdpStats, type UdpClusterStats, type UdpStats } from './udp-stats.ts'

/** Everything that a UDP proxy needs. */
export interface UdpProxyOptions {
  readonly cluster: (name: string) => ClusterRuntime | undefined
  readonly telemetry: Telemetry
  readonly logAccess: (config: AccessLogConfig, record: AccessLogRecord) => void
  readonly clock: Clock
  readonly limits: ProxyLimits
  readonly timers: TimerWheel
}

/** The listener's side of a UDP proxy. */
export interface UdpReplies {
  /** `ip:port` of the listener, for logs. */
  readonly localAddress: () => string
  readonly reply: (bytes: Uint8Array, port: number, address: string) => DatagramOutcome
}

/**
 * Envoy's `udp_proxy`: the first datagram of a client chooses a host, and a session keeps client and host together until nothing
 * went either way for the idle time. A session whose host is no longer healthy is replaced when there is a better one; a host
 * that leaves its cluster takes its sessions with it. With balancing per datagram each one chooses, and answers still find their client.
 */
export class UdpProxy {
  config: UdpProxyConfig
  stats: UdpStats
  clusterStats: UdpClusterStats
  readonly options: UdpProxyOptions
  readonly #listener: UdpReplies
  readonly #sessions = new Map<string, UdpSession>()
  #keyHash: bigint | undefined
  #draining = false
  readonly #whenEmpty: (() => void)[] = []

  constructor(options: UdpProxyOptions, config: UdpProxyConfig, listener: UdpReplies) {
    this.options = options
    this.#listener = listener
    this.config = config
    this.stats = createUdpStats(options.telemetry, config.statPrefix)
    this.clusterStats = createUdpClusterStats(options.telemetry, config.cluster)
    this.#keyHash = keyHashOf(config)
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Swaps the configuration. Sessions live on under the new one, unless they would go to another cluster now or be kept by another key. */
  reconfigure(config: UdpProxyConfig): void {
    const old = this.config
    const keeps = old.cluster === config.cluster && old.usePerPacketLoadBalancing === config.usePerPacketLoadBalancing
    if (!keeps) this.#endAll('route_changed')
    this.config = config
    this.#keyHash = keyHashOf(config)
    const { telemetry } = this.options
    this.stats.active.value -= this.#sessions.size
    this.stats = createUdpStats(telemetry, config.statPrefix)
    this.stats.active.value += this.#sessions.size
    this.clusterStats = createUdpClusterStats(telemetry, config.cluster)
  }

  /** A datagram of a client, not longer than the configuration allows. `bytes` are only lent. */
  onDatagram(bytes: Uint8Array, port: number, address: string): void {
    const cluster = this.options.cluster(this.config.cluster)
    if (cluster === undefined) {
      this.stats.noRoute.value += 1
      return
    }
    const session = this.config.usePerPacketLoadBalancing
      ? this.#balanced(cluster, port, address)
      : this.#sticky(cluster, port, address)
    session?.forward(bytes)
  }

  reply(bytes: Uint8Array, port: number, address: string): DatagramOutcome {
    return this.#listener.reply(bytes, port, address)
  }

  /** The log record of a session that begins now. */
  recordOf(peer: UdpPeer): AccessLogRecord {
    const record = emptyAccessLogRecord()
    record.startTime = this.options.clock.now()
    record.downstreamLocalAddress = this.#listener.localAddress()
    const address = plainAddress(peer.address)
    record.downstreamRemoteAddress = address.includes(':') ? `[${address}]:${peer.port}` : `${address}:${peer.port}`
    return record
  }

  onSessionEnded(session: UdpSession): void {
    this.stats.active.value -= 1
    if (this.#sessions.get(session.peer.key) === session) this.#sessions.delete(session.peer.key)
    if (this.#sessions.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  /** Takes no new client, waits until all sessions are idle, at most `timeoutMs`; ends the rest. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    if (timeoutMs === 0) this.#endAll('drained')
    if (this.#sessions.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenEmpty.push(resolve)
    const timer = this.options.timers.after(timeoutMs, () => this.#endAll('drained'))
    await promise
    timer.cancel()
  }

  /** The session of this client, which goes on with its host as long as that is as good as any. */
  #sticky(cluster: ClusterRuntime, port: number, address: string): UdpSession | undefined {
    const key = `${address} ${port}`
    const known = this.#sessions.get(key)
    if (known !== undefined) {
      if (known.endpoint.availability !== 'unhealthy') return known
      const better = this.#pick(cluster, address)
      if (better === undefined || better === known.endpoint || better.availability === 'unhealthy') return known
      known.end('host_unhealthy')
      return this.#begin({ key, address, port }, better)
    }
    if (!this.#mayBegin()) return undefined
    const endpoint = this.#pick(cluster, address)
    if (endpoint !== undefined) return this.#begin({ key, address, port }, endpoint)
    this.clusterStats.noneHealthy.value += 1
    return undefined
  }

  /** The session of this client with the host that this datagram falls to. */
  #balanced(cluster: ClusterRuntime, port: number, address: string): UdpSession | undefined {
    const endpoint = this.#pick(cluster, address)
    if (endpoint === undefined) {
      this.clusterStats.noneHealthy.value += 1
      return undefined
    }
    const key = `${address} ${port} ${endpoint.authority}`
    const known = this.#sessions.get(key)
    if (known !== undefined) return known
    return this.#mayBegin() ? this.#begin({ key, address, port }, endpoint) : undefined
  }

  #pick(cluster: ClusterRuntime, address: string): EndpointRuntime | undefined {
    const { hashPolicy } = this.config
    const hash = hashPolicy?.kind === 'source-ip' ? hashText(plainAddress(address)) : this.#keyHash
    return cluster.pick(undefined, '', hash)
  }

  #mayBegin(): boolean {
    if (this.#draining) return false
    if (this.#sessions.size < this.options.limits.udpSessions) return true
    this.stats.overflow.value += 1
    return false
  }

  #begin(peer: UdpPeer, endpoint: EndpointRuntime): UdpSession | undefined {
    const session = new UdpSession(this, peer, endpoint)
    this.stats.total.value += 1
    if (!session.start()) return undefined
    this.stats.active.value += 1
    this.#sessions.set(peer.key, session)
    return session
  }

  #endAll(details: string): void {
    for (const session of [...this.#sessions.values()]) session.end(details)
  }
}

function keyHashOf({ hashPolicy }: UdpProxyConfig): bigint | undefined {
  return hashPolicy?.kind === 'key' ? hashText(hashPolicy.key) : undefined
}

/** IPv4 addresses of clients of a socket that is bound to `::` come as `::ffff:1.2.3.4`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
