import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import { Head, scanResponseHead } from '../../wire/http1/index.ts'
import { type ConnectOutcome, type EndpointRuntime, type PendingRequest, PendingTicket } from '../cluster/index.ts'
import type { ForwardDecision } from '../route/index.ts'
import { admitWaiting, onConnectFailed, onPerTryTimeout, onUpstreamProtocolError, onUpstreamReset } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import { fieldTable } from './fields.ts'
import { writeRequestHead } from './request-writer.ts'
import { ResponseRelay } from './response-relay.ts'
import { SocketOutput } from './socket-output.ts'
import { writeTrailers } from './trailers.ts'

/**
 *     none -> pending (no connection yet) -> sent (head sent) -> responding -> none
 *       +------- idle connection -------------^  +-> tunnel (101)
 */
const LegState = { none: 0, pending: 1, sent: 2, responding: 3, tunnel: 4 } as const

const emptyBytes = Buffer.alloc(0)

/** Requests sent on connections to clusters with `max_requests_per_connection`. */
const requestCounts = new WeakMap<StreamSocket, number>()

/**
 * The upstream side of an exchange: one attempt after the other. Owner of the upstream socket from the moment it is taken
 * from the pool or connected until it is given back or closed.
 */
export class UpstreamLeg implements SocketOwner, TimerOwner, PendingRequest {
  readonly exchange: Exchange
  readonly output: SocketOutput = new SocketOutput()
  readonly head: Head
  readonly relay: ResponseRelay
  /** Endpoint of the last attempt. */
  endpoint: EndpointRuntime | undefined = undefined
  localAddress = ''
  /** The connection was made for this exchange. */
  newPeer = false
  /** The connection served requests before. */
  reused = false
  /** A byte of the response was seen. */
  answered = false
  /** The response head stays readable after it was forwarded. */
  headKept = false
  #state: number = LegState.none
  /** Counted as a request of the endpoint, and as one of the cluster that has a connection. */
  #assigned = false
  #active = false
  #paused = false
  #endWhenFlushed = false
  #partial: Buffer = emptyBytes
  #decision: ForwardDecision | undefined = undefined
  readonly #tryTimer: WheelTimer
  readonly #ticket: PendingTicket = new PendingTicket(this)

  constructor(exchange: Exchange) {
    const { limits, timers } = exchange.context.options
    this.exchange = exchange
    this.head = new Head(fieldTable, {
      headBytes: limits.responseHeadBytes,
      fieldCount: limits.responseHeaderCount,
      fieldBytes: limits.headerFieldBytes,
    })
    this.relay = new ResponseRelay(exchange, this)
    this.#tryTimer = timers.timer(this)
  }

  /** The request head was sent and the response is not over: body bytes can follow. */
  get sending(): boolean {
    return this.#state >= LegState.sent
  }

  /** The request head was sent and the response head is not here. */
  get awaitsResponse(): boolean {
    return this.#state === LegState.sent
  }

  /** Begins an attempt on an idle connection. */
  start(endpoint: EndpointRuntime, socket: StreamSocket, decision: ForwardDecision): void {
    this.#assign(endpoint, decision)
    this.reused = true
    this.#attach(socket)
  }

  /** Begins an attempt that waits for a connection; `fresh`: for one that was not used before. */
  wait(endpoint: EndpointRuntime, decision: ForwardDecision, fresh: boolean): void {
    this.#assign(endpoint, decision)
    this.#state = LegState.pending
    this.#ticket.freshOnly = fresh
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

  onConnectionFailed(outcome: Extract<ConnectOutcome, { readonly kind: 'failed' }>): void {
    onConnectFailed(this.exchange, outcome)
  }

  #assign(endpoint: EndpointRuntime, decision: ForwardDecision): void {
    this.endpoint = endpoint
    this.#decision = decision
    this.answered = false
    if (this.headKept || this.head.startLineDone) this.head.reset()
    this.headKept = false
    this.#assigned = true
    endpoint.activeRequests += 1
    if (decision.retry !== undefined && decision.retry.perTryTimeoutMs > 0)
      this.#tryTimer.arm(decision.retry.perTryTimeoutMs)
  }

  /** The connection is ours: the request is sent on it. */
  #attach(socket: StreamSocket): void {
    const { endpoint } = this
    if (endpoint === undefined) return
    // A connection that a request has used was left by its leg.
    const first = !(socket.data instanceof UpstreamLeg)
    if (first) this.newPeer = true
    this.#active = true
    endpoint.outlier?.countConnected()
    endpoint.totalRequests += 1
    endpoint.cluster.activeRequests += 1
    endpoint.cluster.stats.upstream_rq_total += 1
    socket.data = this
    this.output.attach(socket)
    this.#send(first)
  }

  /** Head and what is held of the body leave in one write. */
  #send(first: boolean): void {
    const { exchange } = this
    const { connection, context, request } = exchange
    const decision = this.#decision
    if (decision === undefined) return
    const { writer } = context
    const { socket } = this.output
    if (exchange.plan.manager.accessLogs.length > 0 && socket !== undefined) {
      this.localAddress = `${socket.localAddress}:${socket.localPort}`
    }
    this.#state = LegState.sent
    exchange.sentAt = exchange.stepAt
    writer.reset()
    writeRequestHead(writer, exchange, decision, first)
    const { hold, held } = exchange
    if (request.head.chunked) {
      if (hold !== undefined) this.appendChunk(hold, 0, held)
      if (exchange.bodyDone) this.#appendLastChunk()
    } else if (hold !== undefined) writer.copy(hold, 0, held)
    if (!exchange.replayable) {
      exchange.hold = undefined
      exchange.held = 0
    }
    if (!this.output.write(writer.bytes, 0, writer.length) && !exchange.bodyDone) connection.pause()
    else if (!exchange.bodyDone) connection.resume()
  }

  /** Sends a piece of a body whose length is known. */
  sendBody(bytes: Uint8Array, start: number, end: number): void {
    if (!this.output.write(bytes, start, end)) this.exchange.connection.pause()
  }

  /** Appends a chunk to the writer; `flushChunks` sends it. */
  appendChunk(bytes: Uint8Array, start: number, end: number): void {
    const { writer } = this.exchange.context
    if (end <= start) return
    writer.chunkSize(end - start)
    writer.copy(bytes, start, end)
    writer.text('\r\n')
  }

  /** Sends the chunks that were appended; `last`: the body is over. */
  flushChunks(last: boolean): void {
    const { writer } = this.exchange.context
    if (last) this.#appendLastChunk()
    if (writer.length > 0) this.sendBody(writer.bytes, 0, writer.length)
  }

  #appendLastChunk(): void {
    const { context, decoder } = this.exchange
    context.writer.text('0\r\n')
    if (decoder.trailers !== undefined)
      writeTrailers(context.writer, decoder.trailers, context.options.limits.trailerCount)
    context.writer.text('\r\n')
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    if (socket !== this.output.socket) return
    switch (this.#state) {
      case LegState.sent:
        this.answered = true
        this.#readHead(bytes)
        return
      case LegState.responding:
        this.relay.onBody(bytes, 0, bytes.length)
        return
      case LegState.tunnel:
        this.relay.onTunnel(bytes, 0, bytes.length)
        return
      default:
        return
    }
  }

  /** Reads the response head, or more of it. */
  #readHead(bytes: Uint8Array): void {
    const { head } = this
    let source = bytes instanceof Buffer ? bytes : Buffer.from(bytes)
    if (this.#partial.length > 0) source = Buffer.concat([this.#partial, source])
    let start = 0
    for (;;) {
      const view = start === 0 ? source : source.subarray(start)
      const result = scanResponseHead(head, view, view.length)
      if (result < 0) {
        onUpstreamProtocolError(this.exchange)
        return
      }
      if (result === 0) {
        this.#partial = Buffer.from(view)
        return
      }
      head.bytes = view
      if (head.status >= 200 || head.status === 101) {
        this.#partial = emptyBytes
        this.#state = head.status === 101 ? LegState.tunnel : LegState.responding
        this.relay.onHead(head, view, result)
        return
      }
      if (!this.relay.onInterim(head)) {
        onUpstreamProtocolError(this.exchange)
        return
      }
      head.reset()
      start += result
      if (start === source.length) {
        this.#partial = emptyBytes
        return
      }
    }
  }

  onDrain(socket: StreamSocket): void {
    if (socket !== this.output.socket || !this.output.flush()) return
    if (this.#endWhenFlushed) socket.shutdown()
    else if (!this.exchange.bodyDone || this.#state === LegState.tunnel) this.exchange.connection.resume()
  }

  onEnd(socket: StreamSocket): void {
    this.#gone(socket)
  }

  onClose(socket: StreamSocket): void {
    this.#gone(socket)
  }

  onTimer(): void {
    if (this.#state === LegState.pending || this.#state === LegState.sent) onPerTryTimeout(this.exchange)
  }

  /** The upstream has nothing more to say. */
  #gone(socket: StreamSocket): void {
    if (socket !== this.output.socket) return
    if (this.#state === LegState.sent && this.#partial.length > 0) onUpstreamProtocolError(this.exchange)
    else if (this.#state === LegState.sent) onUpstreamReset(this.exchange)
    else this.relay.onUpstreamEnd()
  }

  /** Bytes of an upgraded connection. */
  sendTunnel(bytes: Uint8Array, start: number, end: number): void {
    this.exchange.bytesReceived += end - start
    this.exchange.connection.touch(this.exchange.context.options.timers.now())
    this.sendBody(bytes, start, end)
  }

  /** The client of an upgraded connection has nothing more to say. */
  endTunnel(): void {
    this.#endWhenFlushed = true
    if (this.output.waiting === 0) this.output.socket?.shutdown()
  }

  /** The client is slow: the upstream waits. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.output.socket?.pause()
  }

  /** The client takes bytes again. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.output.socket?.resume()
  }

  /** The response was read to its end. `reusable`: both messages ended cleanly on a connection that stays. */
  complete(reusable: boolean): void {
    const { endpoint } = this
    const { socket } = this.output
    if (socket === undefined || endpoint === undefined) return
    const clean = reusable && this.output.waiting === 0 && this.#mayServeAgain(socket, endpoint)
    if (this.#paused && clean) this.resume()
    this.#detach()
    if (clean) endpoint.putIdle(socket)
    else socket.terminate()
  }

  #mayServeAgain(socket: StreamSocket, endpoint: EndpointRuntime): boolean {
    const { maxRequestsPerConnection } = endpoint.cluster.config
    if (maxRequestsPerConnection === 0) return true
    const count = (requestCounts.get(socket) ?? 0) + 1
    requestCounts.set(socket, count)
    return count < maxRequestsPerConnection
  }

  /** Leaves the attempt for another one: a response that is here whole frees its connection, otherwise it is closed. */
  leave(): void {
    if (this.#state === LegState.responding) this.relay.discard()
    this.abandon()
  }

  /** Closes whatever is open upstream. */
  abandon(): void {
    const { socket } = this.output
    this.#detach()
    if (socket !== undefined) socket.terminate()
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
    this.output.attach(undefined)
    if (this.#tryTimer.armed) this.#tryTimer.cancel()
    this.#paused = false
    this.#endWhenFlushed = false
    this.#partial = emptyBytes
    if (!this.headKept) {
      this.head.reset()
      this.head.bytes = emptyBytes
    }
    this.#assigned = false
    endpoint.activeRequests -= 1
    if (!this.#active) return
    this.#active = false
    endpoint.cluster.activeRequests -= 1
  }
}
