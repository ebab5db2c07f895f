import type { WheelTimer } from '../../base/index.ts'
import {
  type Connector,
  type ConnectResult,
  connectWithPreface,
  createConnector,
  type SocketOwner,
  type StreamSocket,
} from '../../net/index.ts'
import { writeProxyHeader } from '../../wire/proxy-protocol/index.ts'
import type { EdgeSeries } from '../../telemetry/index.ts'
import type { PeakLatency, SubsetHost } from '../balance/index.ts'
import type { ClientTlsConfig, ClusterConfig, EndpointConfig } from '../config/index.ts'
import { type CheckSession, HostHealth, type HostMonitor } from '../health/index.ts'
import type { ClientTls } from '../tls/index.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { Cluster } from './cluster.ts'
import type { ConnectExtras, ConnectOutcome, EndpointRuntime, SentRequest } from './contract.ts'
import { IdleConnections } from './idle-connections.ts'
import type { MultiplexedConnection } from './multiplexed-connection.ts'
import { PendingQueue, type PendingTicket } from './pending-queue.ts'
import { provesUnreached } from './proves-unreached.ts'
import { SharedConnections } from './shared-connections.ts'
import { endpointTransport, transportOf } from './transport.ts'
import { EndpointUdpSessions } from './udp-sessions.ts'

/**
 * One endpoint: its connections and the stack of idle ones. Last in, first out: the warmest connection is used again,
 * and what is not needed grows cold and idles out. A retired pool (endpoint removed) lets active connections finish and keeps none.
 */
export class EndpointPool implements EndpointRuntime, SubsetHost {
  activeRequests = 0
  totalRequests = 0
  /** Open or opening. */
  connections = 0
  /** Set by the cluster when it has outlier detection. */
  outlier: HostMonitor | undefined = undefined
  /** Set by the cluster when it balances by peak EWMA. */
  latency: PeakLatency | undefined = undefined
  /** When the endpoint came, or began to pass its checks, monotonic ms; slow start counts from here. */
  since: number
  /** Set by the cluster when it checks its endpoints. */
  checks: CheckSession | undefined = undefined
  readonly health: HostHealth = new HostHealth(this)
  readonly boundSessions = new Set<{ readonly abort: () => void }>()
  meshed: boolean
  peerSpiffeId = ''
  localSpiffeId = ''
  config: EndpointConfig
  readonly authority: string
  readonly cluster: Cluster
  readonly series = new Map<string, EdgeSeries>()
  readonly udpSessions = new EndpointUdpSessions({
    config: () => this.config,
    cluster: () => this.cluster.config,
    take: () => this.#takeUdpPlace(),
    give: () => this.#giveUdpPlace(),
  })
  readonly #services: ClusterServices
  readonly #connector: Connector
  readonly #timer: WheelTimer
  readonly #idleOwner: SocketOwner
  readonly #idle: IdleConnections
  /** Requests that wait, and connections that are being opened for them. */
  readonly #pending = new PendingQueue()
  #opening = 0
  readonly #onOpened = (outcome: ConnectOutcome): void => this.#opened(outcome)
  /** Connections that requests share, and those who wait for one. */
  readonly #shared: SharedConnections
  #retired = false
  /** Grows when the way to speak to the endpoint changes: older connections are not used again. */
  #generation = 0
  readonly #generations = new WeakMap<StreamSocket, number>()

  constructor(cluster: Cluster, config: EndpointConfig, services: ClusterServices) {
    this.cluster = cluster
    this.config = config
    this.#services = services
    this.authority = endpointKey(config)
    this.since = services.clock.monotonic()
    this.meshed = isMeshed(transportOf(cluster.config, config))
    this.#timer = services.timers.timer({ onTimer: () => this.#closeExpired() })
    this.#idleOwner = {
      // A server that speaks out of turn: what it says cannot belong to a request that is yet to be sent.
      onData: (socket) => this.#drop(socket),
      onDrain: () => undefined,
      onEnd: (socket) => this.#drop(socket),
      onClose: (socket) => this.#idle.onLost(socket),
    }
    const { clock, delivery } = services
    this.#idle = new IdleConnections({
      clock,
      delivery,
      owner: this.#idleOwner,
      close: (socket) => this.#close(socket),
    })
    this.#shared = new SharedConnections(services, {
      cluster,
      encrypted: () => transportOf(cluster.config, this.config) !== undefined,
      connect: (done) => {
        if (!this.mayConnect) return false
        this.connect(this.#idleOwner, done, { alpn: sharedAlpn })
        return true
      },
      leave: () => this.cluster.onPendingOver(),
      adopt: (socket, tickets) => this.#adopt(socket, tickets),
    })
    this.#connector = createConnector({
      target: config.address.startsWith('/')
        ? { kind: 'pipe', path: config.address }
        : { kind: 'tcp', address: config.address, port: config.port },
      get connectTimeoutMs() {
        return cluster.config.connectTimeoutMs
      },
      get keepalive() {
        return cluster.config.tcpKeepalive
      },
      setKeepalive: services.setKeepalive,
      onReleased: () => {
        this.connections -= 1
        // With none left this endpoint may have one whatever the limit says.
        if (this.connections === 0 && this.pending > 0) this.openForPending()
        cluster.onConnectionReleased()
      },
      onDescriptorFree: () => services.budget.giveUpstream(),
    })
  }

  get weight(): number {
    return this.config.weight
  }

  get availability(): SubsetHost['availability'] {
    if (!this.health.available) return 'unhealthy'
    return this.health.degraded ? 'degraded' : 'healthy'
  }

  get excluded(): boolean {
    return this.health.excluded
  }

  get priority(): number {
    return this.config.priority ?? 0
  }

  get locality(): string {
    return this.config.locality ?? ''
  }

  get localityWeight(): number {
    return this.config.localityWeight ?? 0
  }

  get subsetLabels(): SubsetHost['subsetLabels'] {
    return this.config.subsetLabels
  }

  /** It has connections, or requests that wait for one. */
  get inUse(): boolean {
    return this.connections > 0 || this.pending > 0
  }

  get idleConnections(): number {
    return this.#idle.length
  }

  /** Requests that wait. */
  get pending(): number {
    return this.#pending.length + this.#shared.pending
  }

  takeShared(): MultiplexedConnection | undefined {
    return this.#shared.take()
  }

  takeIdle(): StreamSocket | undefined {
    // At the limit of connections none can be spared to find out how long it lives.
    return this.#idle.take(this.cluster.connections < this.cluster.config.limits.maxConnections)
  }

  announceKeepAlive(timeoutMs: number): void {
    this.#idle.lifetime.onAnnounced(timeoutMs)
  }

  provesUnreached(socket: StreamSocket, sent: SentRequest): boolean {
    const { delivery } = this.#services
    return delivery !== undefined && provesUnreached(delivery, socket, { ...sent, ...this.#layers() })
  }

  #layers(): { readonly pipe: boolean; readonly secure: boolean } {
    return {
      pipe: this.config.address.startsWith('/'),
      secure: transportOf(this.cluster.config, this.config) !== undefined,
    }
  }

  putIdle(socket: StreamSocket): void {
    const stale = this.#generation > 0 && this.#generations.get(socket) !== this.#generation
    const { idleTimeoutMs } = this.cluster.config
    if (!stale && this.#pending.length > 0 && this.#serve(socket, false)) return
    // Those that still wait want new connections: this one makes room.
    if (this.#retired || stale || this.#pending.length > this.#opening) {
      this.#close(socket)
      return
    }
    this.#idle.put(socket)
    if (idleTimeoutMs > 0 && !this.#timer.armed) this.#timer.arm(idleTimeoutMs)
  }

  enqueue(ticket: PendingTicket): void {
    this.cluster.onPending()
    if (ticket.shared && this.#shared.expected) this.#shared.enqueue(ticket)
    else this.#pending.push(ticket)
    this.openForPending()
    if (this.#lacks) this.cluster.stats.upstream_cx_overflow += 1
  }

  dequeue(ticket: PendingTicket): void {
    if (!this.#pending.remove(ticket) && !this.#shared.dequeue(ticket)) return
    this.cluster.onPendingOver()
    if (!this.#lacks) this.cluster.setWaiting(this, false)
  }

  /** Opens a connection for each request that waits and has none coming, as far as the limit allows. */
  openForPending(): void {
    while (this.#opening < this.#pending.length && this.mayConnect) {
      this.#opening += 1
      this.connect(this.#idleOwner, this.#onOpened)
    }
    this.#shared.openForPending()
    this.cluster.setWaiting(this, this.#lacks)
  }

  /** There are requests for which no connection is open or opening. */
  get #lacks(): boolean {
    return this.#opening < this.#pending.length || this.#shared.lacks
  }

  /** The endpoint shares no connections after all: those who wait for one take connections of their own, this one first. */
  #adopt(socket: StreamSocket, tickets: readonly PendingTicket[]): void {
    for (const ticket of tickets) this.#pending.push(ticket)
    if (!this.#serve(socket, true)) this.putIdle(socket)
    this.openForPending()
  }

  #opened(outcome: ConnectOutcome): void {
    this.#opening -= 1
    if (outcome.kind === 'connected') {
      if (!this.#serve(outcome.socket, true)) this.putIdle(outcome.socket)
      return
    }
    // While others are open or opening, one request fails with the attempt; with the last connection goes the hope of all.
    let failing = this.connections > 0 || this.#opening > 0 ? 1 : this.#pending.length
    for (; failing > 0; failing -= 1) {
      const ticket = this.#pending.first(true)
      if (ticket === undefined) break
      this.dequeue(ticket)
      this.cluster.stats.upstream_rq_pending_failure_eject += 1
      ticket.request.onConnectionFailed(outcome)
    }
    this.openForPending()
  }

  /** Hands a connection to the first request that takes it; false when none does. */
  #serve(socket: StreamSocket, fresh: boolean): boolean {
    for (;;) {
      const ticket = this.#pending.first(fresh)
      if (ticket === undefined) return false
      this.dequeue(ticket)
      if (ticket.request.onConnection(socket, fresh)) return true
    }
  }

  connect(
    owner: SocketOwner,
    done: (outcome: ConnectOutcome) => void,
    { alpn = ownAlpn, conveyed }: PoolConnectExtras = {},
  ): { readonly cancel: () => void } {
    const refusal = this.#refusal()
    if (refusal !== undefined) return answerLater(refusal, done)
    const { tls: config, proxyProtocol } = endpointTransport(this.cluster.config, this.config)
    if (proxyProtocol !== undefined && conveyed === undefined) return answerLater(headerless, done)
    let tls: ClientTls | undefined
    if (config !== undefined) {
      const material = this.#services.tls.client(config)
      if (!material.ok) {
        this.cluster.stats.upstream_cx_connect_fail += 1
        return answerLater({ kind: 'failed', reason: 'unreachable', message: material.error }, done)
      }
      tls = { ...material.value, alpn: alpn(this.cluster.config, config.alpn) }
    }
    if (!this.#services.budget.takeUpstream()) {
      this.cluster.stats.upstream_cx_overflow += 1
      return answerLater(
        { kind: 'failed', reason: 'overflow', message: 'The process has no file descriptor left' },
        done,
      )
    }
    this.connections += 1
    this.cluster.onConnectionOpening()
    const generation = this.#generation
    const onResult = (result: ConnectResult): void => {
      if (result.kind === 'failed') {
        this.#countFailure(result)
        done(result)
        return
      }
      this.#generations.set(result.socket, generation)
      this.peerSpiffeId = result.peerSpiffeId
      this.localSpiffeId = tls?.localSpiffeId ?? ''
      done({ ...result, localSpiffeId: this.localSpiffeId, plain: tls === undefined })
    }
    if (proxyProtocol === undefined) return this.#connector.connect(tls, owner, onResult)
    const preface = writeProxyHeader({ version: proxyProtocol, ends: conveyed })
    return connectWithPreface(this.#connector, { preface, tls }, { owner, done: onResult })
  }

  /** Takes the new configuration of the same address. Connections live on unless the transport changed. */
  reconfigure(config: EndpointConfig): void {
    const old = this.config
    this.config = config
    if (!Bun.deepEquals(old.workload, config.workload, true)) this.series.clear()
    if (!Bun.deepEquals(old.transportLabels, config.transportLabels, true)) this.renewTransport()
  }

  /** The cluster's TLS settings changed: idle connections are closed, active ones are not used again. */
  renewTransport(): void {
    this.meshed = isMeshed(transportOf(this.cluster.config, this.config))
    this.#generation += 1
    this.series.clear()
    this.#shared.close()
    this.closeIdle()
  }

  /** It takes no new work: what is connected finishes what it has, and is not used again. With `close` TCP sessions end at once. */
  onHealthFailure(close: boolean): void {
    this.#generation += 1
    this.#shared.close()
    this.closeIdle()
    if (close) for (const session of [...this.boundSessions]) session.abort()
  }

  /** The endpoint is gone. */
  retire(): void {
    this.#retired = true
    this.#shared.retire()
    this.closeIdle()
    this.udpSessions.endAll()
    this.#timer.cancel()
  }

  closeIdle(): void {
    this.#shared.closeIdle()
    this.#idle.closeAll()
  }

  /** An endpoint without any connection may have one, as in Envoy: others' idle connections must not starve it. */
  get mayConnect(): boolean {
    const { maxConnections, maxConnectionsPerHost } = this.cluster.config.limits
    if (this.connections === 0) return true
    return this.cluster.connections < maxConnections && this.connections < (maxConnectionsPerHost ?? Infinity)
  }

  #refusal(): ConnectOutcome | undefined {
    if (this.mayConnect) return undefined
    this.cluster.stats.upstream_cx_overflow += 1
    return { kind: 'failed', reason: 'overflow', message: `The cluster has ${this.cluster.connections} connections` }
  }

  /** Unlike connections, the first session of an endpoint is bound by the limit too (as in Envoy). */
  #takeUdpPlace(): boolean {
    const { cluster } = this
    if (cluster.connections >= cluster.config.limits.maxConnections || !this.#services.budget.takeUpstream()) {
      cluster.stats.upstream_cx_overflow += 1
      return false
    }
    this.connections += 1
    cluster.onUdpSession(1)
    return true
  }

  #giveUdpPlace(): void {
    this.connections -= 1
    this.#services.budget.giveUpstream()
    this.cluster.onUdpSession(-1)
  }

  #countFailure(result: ConnectResult & { readonly kind: 'failed' }): void {
    if (result.reason === 'timeout') this.cluster.stats.upstream_cx_connect_timeout += 1
    this.cluster.stats.upstream_cx_connect_fail += 1
  }

  #closeExpired(): void {
    const { idleTimeoutMs } = this.cluster.config
    this.#idle.closeOlder(idleTimeoutMs)
    const { coldestSince } = this.#idle
    if (coldestSince !== undefined) this.#timer.arm(coldestSince + idleTimeoutMs - this.#services.clock.monotonic())
  }

  #drop(socket: StreamSocket): void {
    this.#idle.onLost(socket)
    this.#close(socket)
  }

  /** Closes politely (FIN, close_notify); the idle owner sees the rest. */
  #close(socket: StreamSocket): void {
    socket.data = this.#idleOwner
    socket.end()
  }
}

/** What the pool asks for beside what its users do. */
interface PoolConnectExtras extends ConnectExtras {
  /** Protocols to offer, made of those that the transport socket names. */
  readonly alpn?: (config: ClusterConfig, own: readonly string[]) => readonly string[]
}

/** A header would have to tell each request's client on a connection that many share. */
const headerless: ConnectOutcome = {
  kind: 'failed',
  reason: 'unreachable',
  message: 'upstream_proxy_protocol is implemented for tcp_proxy only, not for HTTP',
}

/** ALPN of connections that are to be shared. */
function sharedAlpn({ multiplex, protocol }: ClusterConfig, own: readonly string[]): readonly string[] {
  if (multiplex === true) return ['h2', ...own]
  if (own.length > 0) return own
  return protocol === 'auto' ? ['h2', 'http/1.1'] : ['h2']
}

/** ALPN of the others: where a server speaks both versions it must be said which. */
function ownAlpn({ protocol }: ClusterConfig, own: readonly string[]): readonly string[] {
  if (protocol !== 'auto' && protocol !== 'downstream') return own
  return own.length > 0 ? own.filter((name) => name !== 'h2') : ['http/1.1']
}

/** Mutual TLS with Istio's application protocols: the peer is a proxy of the mesh, not somebody else's server that wants a certificate. */
function isMeshed(tls: ClientTlsConfig | undefined): boolean {
  return tls?.certificate !== undefined && tls.alpn.some((protocol) => protocol.startsWith('istio'))
}

/** `ip:port` or the path of a pipe: endpoints with equal keys are the same endpoint. */
export function endpointKey(config: Pick<EndpointConfig, 'address' | 'port'>): string {
  if (config.address.startsWith('/')) return config.address
  return config.address.includes(':') ? `[${config.address}]:${config.port}` : `${config.address}:${config.port}`
}

function answerLater(
  outcome: ConnectOutcome,
  done: (outcome: ConnectOutcome) => void,
): { readonly cancel: () => void } {
  let cancelled = false
  queueMicrotask(() => {
    if (!cancelled) done(outcome)
  })
  return {
    cancel: () => {
      cancelled = true
    },
  }
}
