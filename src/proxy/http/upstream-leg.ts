import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import type { StreamSocket } from '../../net/index.ts'
import type { Head } from '../../wire/http1/index.ts'
import {
  type ClusterRuntime,
  type ConnectOutcome,
  type EndpointRuntime,
  type MultiplexedConnection,
  type PendingRequest,
  PendingTicket,
} from '../cluster/index.ts'
import type { ForwardDecision } from '../route/index.ts'
import { admitWaiting, onConnectFailed, onPerTryTimeout } from './attempt.ts'
import { endsConnect } from './connect.ts'
import type { Exchange } from './exchange.ts'
import { Http1Upstream } from './http1-upstream.ts'
import { Http2Upstream } from './http2-upstream.ts'
import { Phase } from './phase.ts'
import { ResponseRelay } from './response-relay.ts'
import { TcpUpstream } from './tcp-upstream.ts'
import type { UpstreamSide } from './upstream-side.ts'

const noNames: readonly string[] = []

/**
 *     none -> pending (no connection yet) -> sent (head sent) -> none
 *       +------- idle connection -------------^
 */
const LegState = { none: 0, pending: 1, sent: 2 } as const

/**
 * The upstream part of an exchange: one attempt after the other. Counts attempts on their endpoint, waits for connections, and hands
 * the request to the side that speaks the upstream's version of HTTP.
 */
export class UpstreamLeg implements TimerOwner, PendingRequest {
  readonly exchange: Exchange
  readonly relay: ResponseRelay
  /** Endpoint of the last attempt. */
  endpoint: EndpointRuntime | undefined = undefined
  localAddress = ''
  /** The connection was made for this exchange. */
  newPeer = false
  /** The connection served requests before. */
  reused = false
  /** The connection ended, and provably nothing of the request had reached anybody. */
  unreached = false
  /** A byte of the response was seen. */
  answered = false
  /** The response head stays readable after it was forwarded. */
  headKept = false
  /** Names among the response's trailers that are never to be indexed (RFC 7541 section 7.1.3). */
  neverTrailers: readonly string[] = noNames
  #state: number = LegState.none
  #side: UpstreamSide
  readonly #http1: Http1Upstream
  /** Made when a connection is shared first. */
  #http2: Http2Upstream | undefined = undefined
  /** Made when a CONNECT ends here first. */
  #tcp: TcpUpstream | undefined = undefined
  /** Counted as a request of the endpoint, and as one of the cluster that has a connection. */
  #assigned = false
  #active = false
  #paused = false
  #decision: ForwardDecision | undefined = undefined
  readonly #tryTimer: WheelTimer
  readonly #ticket: PendingTicket = new PendingTicket(this)

  constructor(exchange: Exchange) {
    this.exchange = exchange
    this.relay = new ResponseRelay(exchange, this)
    this.#http1 = new Http1Upstream(exchange, this)
    this.#side = this.#http1
    this.#tryTimer = exchange.context.options.timers.timer(this)
  }

  /** The request head was sent and the response is not over: body bytes can follow. */
  get sending(): boolean {
    return this.#state === LegState.sent
  }

  /** The request head was sent and the response head is not here. */
  get awaitsResponse(): boolean {
    return this.#state === LegState.sent && this.exchange.phase < Phase.responding
  }

  /** The attempt is on a stream, which says by itself where the request ends. */
  get multiplexed(): boolean {
    return this.#side === this.#http2
  }

  /** Head of the last response; see `headKept`. */
  get head(): Head {
    return this.#side.head
  }

  /** The request goes on a connection that others use too, if the endpoint has such. An upgrade gets one of its own, where HTTP/1.1 is spoken as well. */
  shares({ config }: ClusterRuntime): boolean {
    const { stream, upgradeType } = this.exchange
    if (endsConnect(this.exchange)) return false
    if (config.protocol === 'downstream') return stream.protocol === 'HTTP/2'
    return config.protocol === 'http2' || (config.protocol === 'auto' && upgradeType === '')
  }

  /** Begins an attempt on an idle connection. */
  start(endpoint: EndpointRuntime, socket: StreamSocket, decision: ForwardDecision): void {
    this.#assign(endpoint, decision)
    this.reused = true
    this.#attach(socket)
  }

  /** Begins an attempt on a connection that others use too. */
  startShared(endpoint: EndpointRuntime, connection: MultiplexedConnection, decision: ForwardDecision): void {
    this.#assign(endpoint, decision)
    this.reused = connection.requests > 0
    this.#attachShared(connection)
  }

  /** Begins an attempt that waits for a connection; `fresh`: for one that was not used before. */
  wait(endpoint: EndpointRuntime, decision: ForwardDecision, fresh: boolean): void {
    this.#assign(endpoint, decision)
    this.#state = LegState.pending
    this.#ticket.freshOnly = fresh
    this.#ticket.shared = this.shares(endpoint.cluster)
    endpoint.enqueue(this.#ticket)
  }

  onConnection(socket: StreamSocket, fresh: boolean): boolean {
    const { endpoint, exchange } = this
    if (endpoint === undefined || this.#state !== LegState.pending) return false
    if (!admitWaiting(exchange, endpoint.cluster)) return false
    exchange.stepAt = exchange.context.options.timers.now()
    this.reused = !fresh
    this.#attach(socket)
    return true
  }

  onSharedConnection(connection: MultiplexedConnection): boolean {
    const { endpoint, exchange } = this
    if (endpoint === undefined || this.#state !== LegState.pending) return false
    if (!admitWaiting(exchange, endpoint.cluster)) return false
    exchange.stepAt = exchange.context.options.timers.now()
    this.reused = connection.requests > 0
    this.#attachShared(connection)
    return true
  }

  onConnectionFailed(outcome: Extract<ConnectOutcome, { readonly kind: 'failed' }>): void {
    onConnectFailed(this.exchange, outcome)
  }

  #assign(endpoint: EndpointRuntime, decision: ForwardDecision): void {
    this.endpoint = endpoint
    this.#decision = decision
    this.answered = false
    this.unreached = false
    this.headKept = false
    this.neverTrailers = noNames
    this.#assigned = true
    endpoint.activeRequests += 1
    if (decision.retry !== undefined && decision.retry.perTryTimeoutMs > 0)
      this.#tryTimer.arm(decision.retry.perTryTimeoutMs)
  }

  /** The connection is ours: the request is sent on it. */
  #attach(socket: StreamSocket): void {
    if (endsConnect(this.exchange)) {
      this.#tcp ??= new TcpUpstream(this.exchange, this)
      this.#side = this.#tcp
      this.#tcp.attach(socket)
      this.#send(true)
      return
    }
    this.#side = this.#http1
    this.#send(this.#http1.attach(socket))
  }

  #attachShared(connection: MultiplexedConnection): void {
    this.#http2 ??= new Http2Upstream(this.exchange, this)
    this.#side = this.#http2
    this.#send(this.#http2.attach(connection))
  }

  /** Head and what is held of the body leave together. */
  #send(first: boolean): void {
    const { endpoint, exchange } = this
    const decision = this.#decision
    if (endpoint === undefined || decision === undefined) return
    if (first) this.newPeer = true
    this.#active = true
    endpoint.outlier?.countConnected()
    endpoint.totalRequests += 1
    endpoint.cluster.activeRequests += 1
    endpoint.cluster.stats.upstream_rq_total += 1
    const { socket } = this.#side
    if (exchange.plan.manager.accessLogs.length > 0 && socket !== undefined)
      this.localAddress = `${socket.localAddress}:${socket.localPort}`
    this.#state = LegState.sent
    exchange.sentAt = exchange.stepAt
    const flowing = this.#side.send(decision, first)
    if (!exchange.replayable && exchange.upgradeType === '') {
      exchange.hold = undefined
      exchange.held = 0
    }
    if (exchange.bodyDone) return
    if (flowing) exchange.stream.resume()
    else exchange.stream.pause()
  }

  /** A piece of the body; `flushBody` or `endBody` follows. */
  sendBody(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#side.sendBody(bytes, start, end)) this.exchange.stream.pause()
  }

  /** What was given of the body leaves. */
  flushBody(): void {
    if (!this.#side.flushBody()) this.exchange.stream.pause()
  }

  /** The body is over. */
  endBody(): void {
    this.#side.endBody()
  }

  /** Bytes of an upgraded connection. */
  sendTunnel(bytes: Uint8Array, start: number, end: number): void {
    const { exchange } = this
    exchange.bytesReceived += end - start
    exchange.stream.touch(exchange.context.options.timers.now())
    if (!this.#side.sendTunnel(bytes, start, end)) exchange.stream.pause()
  }

  /** The client of an upgraded connection has nothing more to say. */
  endTunnel(): void {
    this.#side.endTunnel()
  }

  onTimer(): void {
    if (this.#state === LegState.pending || this.awaitsResponse) onPerTryTimeout(this.exchange)
  }

  /** The client is slow: the upstream waits. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#side.pause()
  }

  /** The client takes bytes again. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#side.resume()
  }

  /** Access logs read the response's head when the exchange is over: by then the receive buffer is gone. */
  keepHead(headEnd: number): void {
    if (this.exchange.plan.manager.accessLogs.length === 0) return
    const { head } = this.#side
    head.bytes = Buffer.from(head.bytes.subarray(0, headEnd))
    this.headKept = true
  }

  /** The response was read to its end: the connection is free for others, if it stays. */
  complete(): void {
    const side = this.#side
    this.#detach()
    side.release()
  }

  /** Leaves the attempt for another one: a response that is here whole frees its connection, otherwise it is closed. */
  leave(): void {
    this.complete()
  }

  /** Closes whatever is open upstream. */
  abandon(): void {
    const side = this.#side
    this.#detach()
    side.abandon()
  }

  /** Forgets the exchange. */
  release(): void {
    this.abandon()
    this.endpoint = undefined
    this.#decision = undefined
    this.newPeer = false
    this.localAddress = ''
    this.headKept = false
  }

  #detach(): void {
    const { endpoint } = this
    if (!this.#assigned || endpoint === undefined) return
    if (this.#state === LegState.pending) endpoint.dequeue(this.#ticket)
    if (this.#state === LegState.sent && endpoint.latency !== undefined) {
      const now = this.exchange.context.options.timers.now()
      endpoint.latency.observeSilence(now - this.exchange.sentAt, now)
    }
    this.#state = LegState.none
    if (this.#tryTimer.armed) this.#tryTimer.cancel()
    this.#paused = false
    this.#assigned = false
    endpoint.activeRequests -= 1
    if (!this.#active) return
    this.#active = false
    endpoint.cluster.activeRequests -= 1
  }
}
