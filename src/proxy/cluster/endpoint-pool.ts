import type { WheelTimer } from '../../base/index.ts'
import {
  type Connector,
  type ConnectResult,
  createConnector,
  type SocketOwner,
  type StreamSocket,
} from '../../net/index.ts'
import type { EdgeSeries } from '../../telemetry/index.ts'
import type { ClientTlsConfig, ClusterConfig, EndpointConfig } from '../config/index.ts'
import type { HostMonitor } from '../health/index.ts'
import type { ClientTls } from '../tls/index.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { Cluster } from './cluster.ts'
import type { ConnectOutcome, EndpointRuntime } from './contract.ts'
import type { MultiplexedConnection } from './multiplexed-connection.ts'
import { PendingQueue, type PendingTicket } from './pending-queue.ts'
import { SharedConnections } from './shared-connections.ts'
import { transportOf } from './transport.ts'

/**
 * One endpoint: its connections and the stack of idle ones. Last in, first out: the warmest connection is used again,
 * and what is not needed grows cold and idles out. A retired pool (endpoint removed) lets active connections finish and keeps none.
 */
export class EndpointPool implements EndpointRuntime {
  activeRequests = 0
  totalRequests = 0
  /** Open or opening. */
  connections = 0
  /** Set by the cluster when it has outlier detection. */
  outlier: HostMonitor | undefined = undefined
  meshed: boolean
  peerSpiffeId = ''
  localSpiffeId = ''
  config: EndpointConfig
  readonly authority: string
  readonly cluster: Cluster
  readonly series = new Map<string, EdgeSeries>()
  readonly #services: ClusterServices
  readonly #connector: Connector
  readonly #timer: WheelTimer
  readonly #idleOwner: SocketOwner
  /** Idle connections, who used each last, and since when (monotonic ms): three stacks in step, so that giving back allocates nothing. */
  readonly #idleSockets: StreamSocket[] = []
  readonly #idleOwners: SocketOwner[] = []
  readonly #idleSince: number[] = []
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
    this.meshed = isMeshed(transportOf(cluster.config, config))
    this.#timer = services.timers.timer({ onTimer: () => this.#closeExpired() })
    this.#idleOwner = {
      // A server that speaks out of turn: what it says cannot belong to a request that is yet to be sent.
      onData: (socket) => this.#drop(socket),
      onDrain: () => undefined,
      onEnd: (socket) => this.#drop(socket),
      onClose: (socket) => this.#forget(socket),
    }
    this.#shared = new SharedConnections(services, {
      cluster,
      connect: (done) => {
        if (!this.mayConnect) return false
        this.connect(this.#idleOwner, done, sharedAlpn(cluster.config))
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

  get idleConnections(): number {
    return this.#idleSockets.length
  }

  /** Requests that wait. */
  get pending(): number {
    return this.#pending.length + this.#shared.pending
  }

  takeShared(): MultiplexedConnection | undefined {
    return this.#shared.take()
  }

  takeIdle(): StreamSocket | undefined {
    const socket = this.#idleSockets.pop()
    const owner = this.#idleOwners.pop()
    this.#idleSince.pop()
    if (socket !== undefined && owner !== undefined) socket.data = owner
    return socket
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
    this.#idleSockets.push(socket)
    this.#idleOwners.push(socket.data)
    this.#idleSince.push(this.#services.clock.monotonic())
    socket.data = this.#idleOwner
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
      this.connect(this.#idleOwner, this.#onOpened, ownAlpn(this.cluster.config))
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
    alpn?: readonly string[],
  ): { readonly cancel: () => void } {
    const refusal = this.#refusal()
    if (refusal !== undefined) return answerLater(refusal, done)
    const config = transportOf(this.cluster.config, this.config)
    let tls: ClientTls | undefined
    if (config !== undefined) {
      const material = this.#services.tls.client(config)
      if (!material.ok) {
        this.cluster.stats.upstream_cx_connect_fail += 1
        return answerLater({ kind: 'failed', reason: 'unreachable', message: material.error }, done)
      }
      tls = alpn === undefined || config.alpn.length > 0 ? material.value : { ...material.value, alpn }
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
    return this.#connector.connect(tls, owner, (result) => {
      if (result.kind === 'failed') {
        this.#countFailure(result)
        done(result)
        return
      }
      this.#generations.set(result.socket, generation)
      this.peerSpiffeId = result.peerSpiffeId
      this.localSpiffeId = tls?.localSpiffeId ?? ''
      done({ ...result, localSpiffeId: this.localSpiffeId })
    })
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

  /** The endpoint is gone. */
  retire(): void {
    this.#retired = true
    this.#shared.retire()
    this.closeIdle()
    this.#timer.cancel()
  }

  closeIdle(): void {
    this.#shared.closeIdle()
    this.#closeColdest(this.#idleSockets.length)
  }

  /** An endpoint without any connection may have one, as in Envoy: others' idle connections must not starve it. */
  get mayConnect(): boolean {
    return this.cluster.connections < this.cluster.config.limits.maxConnections || this.connections === 0
  }

  #refusal(): ConnectOutcome | undefined {
    if (this.mayConnect) return undefined
    this.cluster.stats.upstream_cx_overflow += 1
    return { kind: 'failed', reason: 'overflow', message: `The cluster has ${this.cluster.connections} connections` }
  }

  #countFailure(result: ConnectResult & { readonly kind: 'failed' }): void {
    if (result.reason === 'timeout') this.cluster.stats.upstream_cx_connect_timeout += 1
    this.cluster.stats.upstream_cx_connect_fail += 1
  }

  #closeExpired(): void {
    const { idleTimeoutMs } = this.cluster.config
    const now = this.#services.clock.monotonic()
    // The stacks are in the order of time: the coldest lie at the bottom.
    const kept = this.#idleSince.findIndex((since) => now - since < idleTimeoutMs)
    this.#closeColdest(kept < 0 ? this.#idleSince.length : kept)
    const [coldest] = this.#idleSince
    if (coldest !== undefined) this.#timer.arm(coldest + idleTimeoutMs - now)
  }

  #closeColdest(count: number): void {
    this.#idleOwners.splice(0, count)
    this.#idleSince.splice(0, count)
    for (const socket of this.#idleSockets.splice(0, count)) this.#close(socket)
  }

  #drop(socket: StreamSocket): void {
    this.#forget(socket)
    this.#close(socket)
  }

  #forget(socket: StreamSocket): void {
    const index = this.#idleSockets.indexOf(socket)
    if (index < 0) return
    this.#idleSockets.splice(index, 1)
    this.#idleOwners.splice(index, 1)
    this.#idleSince.splice(index, 1)
  }

  /** Closes politely (FIN, close_notify); the idle owner sees the rest. */
  #close(socket: StreamSocket): void {
    socket.data = this.#idleOwner
    socket.end()
  }
}

/** ALPN of connections that are to be shared, if the transport socket names none. */
function sharedAlpn({ protocol }: ClusterConfig): readonly string[] {
  return protocol === 'auto' ? ['h2', 'http/1.1'] : ['h2']
}

/** ALPN of the others: where a server speaks both versions it must be said which. */
function ownAlpn({ protocol }: ClusterConfig): readonly string[] | undefined {
  return protocol === 'auto' || protocol === 'downstream' ? ['http/1.1'] : undefined
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
