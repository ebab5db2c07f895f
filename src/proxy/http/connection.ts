import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import type { AccessLogRecord, EdgeSeries } from '../../telemetry/index.ts'
import {
  type BodyFraming,
  ConnectionOption,
  type Head,
  scanRequestHead,
  statusOfHeadFault,
  textOfHeadFault,
} from '../../wire/http1/index.ts'
import type { ClusterRuntime } from '../cluster/index.ts'
import { scaledTimeoutMs } from '../overload/index.ts'
import type { RbacEngine, RbacVerdict } from '../filters/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import { Backlog } from './backlog.ts'
import type { ClientConnection, ClientStream } from './client-stream.ts'
import { ConnectionState } from './connection-state.ts'
import type { HttpContext } from './context.ts'
import { Exchange } from './exchange.ts'
import { Http2Connection } from './http2-connection.ts'
import { Http1Responder } from './http1-responder.ts'
import type { PeerMetadata } from './peer-metadata.ts'
import { RequestBody } from './request-body.ts'
import type { LocalReply } from './response-writer.ts'
import { SocketOutput } from './socket-output.ts'

/** By this the preface of HTTP/2 (RFC 9113 section 3.4) is told from any request of HTTP/1.1. */
const prefaceStart = 'PRI * HTTP/2'

/** One accepted connection that speaks HTTP/1.1; the client's side of its exchanges, one after the other. */
export class Connection implements SocketOwner, TimerOwner, ClientConnection, ClientStream {
  readonly context: HttpContext
  readonly info: DownstreamInfo
  readonly socket: StreamSocket
  readonly output: SocketOutput = new SocketOutput()
  readonly trusted: boolean
  readonly originalDestination: string
  state: number = ConnectionState.idle
  exchange: Exchange | undefined = undefined
  requests = 0
  /** `max_connection_duration` is over: the response in progress is the last. */
  expired = false
  peer: PeerMetadata | undefined = undefined
  series: EdgeSeries | undefined = undefined
  seriesCluster: ClusterRuntime | undefined = undefined
  seriesGrpc = false
  rbac: RbacEngine | undefined = undefined
  rbacVerdict: RbacVerdict | undefined = undefined
  readonly #active: { value: number }
  readonly #timer: WheelTimer
  readonly #body: RequestBody
  readonly #responder: Http1Responder
  /** Bytes behind the request in progress. */
  readonly #backlog: Backlog = new Backlog()
  readonly #readBacklog = (bytes: Uint8Array, start: number, end: number): void => this.#read(bytes, start, end)
  #pumping = false
  #paused = false
  #ended = false
  #closeWhenFlushed = false
  #lingers = false
  /** The running time limit at its full length, and when it began: pressure on memory shortens it. */
  #fullMs = 0
  #armedAt = 0
  #lifetime: WheelTimer | undefined = undefined

  constructor(context: HttpContext, socket: StreamSocket, info: DownstreamInfo) {
    this.context = context
    this.socket = socket
    this.info = info
    const { destinationAddress: address, destinationPort: port } = info
    this.originalDestination = address === '' || address.endsWith(`:${port}`) ? address : `${address}:${port}`
    this.trusted = info.direction !== 'inbound'
    this.output.attach(socket)
    this.#body = new RequestBody(context.options.limits)
    this.#responder = new Http1Responder(context, this.output)
    this.#timer = context.options.timers.timer(this)
    context.connections.add(this)
    const { connectionsActive, connectionsTotal } = context.stats
    this.#active = connectionsActive
    this.#active.value += 1
    connectionsTotal.value += 1
    const { idleTimeoutMs, requestHeadersTimeoutMs, maxConnectionDurationMs } = context.options.manager()
    if (maxConnectionDurationMs !== undefined) {
      this.#lifetime = context.options.timers.timer({ onTimer: () => this.#onLifetimeOver() })
      this.#lifetime.arm(maxConnectionDurationMs)
    }
    this.#arm(Math.min(requestHeadersTimeoutMs || idleTimeoutMs, idleTimeoutMs || requestHeadersTimeoutMs))
  }

  get protocol(): AccessLogRecord['protocol'] {
    const request = this.exchange?.request
    if (request === undefined || request.method === '') return ''
    return request.head.minorVersion === 0 ? 'HTTP/1.0' : 'HTTP/1.1'
  }

  onData(_socket: StreamSocket, bytes: Uint8Array): void {
    switch (this.state) {
      case ConnectionState.idle:
      case ConnectionState.head:
        if (this.#slowReader) {
          this.#stash(bytes, 0, bytes.length)
          this.pause()
          return
        }
        this.#read(bytes, 0, bytes.length)
        if (this.#backlog.length > 0) this.#pump()
        return
      case ConnectionState.busy:
        this.#readBody(bytes, 0, bytes.length)
        return
      case ConnectionState.tunnel:
        this.exchange?.leg.sendTunnel(bytes, 0, bytes.length)
        return
      default:
        return
    }
  }

  onDrain(): void {
    const flushed = this.output.flush()
    if (this.#closeWhenFlushed) this.#shut()
    else if (flushed && this.exchange !== undefined) this.exchange.leg.resume()
    else if (this.state === ConnectionState.idle && !flushed) this.#armIdle()
    else if (flushed) {
      if (this.state === ConnectionState.idle) this.#armIdle()
      this.resume()
      this.#pump()
    }
  }

  onEnd(): void {
    this.#ended = true
    switch (this.state) {
      case ConnectionState.busy:
        // Half-closed behind a whole request: it is answered; in the middle of one there is nobody to answer.
        if (this.exchange?.bodyDone === true && this.#backlog.length === 0) this.exchange.keepAlive = false
        else if (this.exchange?.bodyDone === false) this.cut()
        return
      case ConnectionState.tunnel:
        this.exchange?.leg.endTunnel()
        return
      default:
        if (this.output.waiting === 0) this.socket.end()
    }
  }

  onClose(): void {
    if (this.state === ConnectionState.closed) return
    this.state = ConnectionState.closed
    this.#timer.cancel()
    this.#lifetime?.cancel()
    this.output.attach(undefined)
    const { exchange } = this
    this.exchange = undefined
    exchange?.onDownstreamGone()
    const { context } = this
    context.connections.delete(this)
    this.#active.value -= 1
    if (context.connections.size === 0) context.onEmpty?.()
  }

  onTimer(): void {
    switch (this.state) {
      case ConnectionState.head:
        this.exchange?.refuse(408, 'request_header_timeout', 0)
        return
      case ConnectionState.busy:
      case ConnectionState.tunnel:
        this.exchange?.onStreamIdle()
        return
      case ConnectionState.idle:
        // Who does not take the last answer within the time for it will not take more.
        if (this.output.waiting > 0) this.cut()
        else this.#finish(true)
        return
      default:
        this.cut()
    }
  }

  interim(head: Head): void {
    if (this.exchange !== undefined) this.#responder.interim(this.exchange, head)
  }

  head(head: Head, framing: BodyFraming): void {
    if (this.exchange !== undefined) this.#responder.head(this.exchange, head, framing)
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    this.#responder.data(bytes, start, end)
  }

  end(trailers: Buffer | undefined): void {
    this.#responder.end(trailers)
  }

  flush(): boolean {
    return this.#responder.flush()
  }

  reply(reply: LocalReply): void {
    if (this.exchange !== undefined) this.#responder.reply(this.exchange, reply)
  }

  startTunnel(head: Head): void {
    const { exchange } = this
    if (exchange === undefined) return
    this.state = ConnectionState.tunnel
    this.#responder.startTunnel(exchange, head)
    this.resume()
    this.#backlog.take((bytes, start, end) => exchange.leg.sendTunnel(bytes, start, end))
  }

  endTunnel(): void {
    const { exchange } = this
    if (exchange === undefined) return
    exchange.keepAlive = false
    exchange.end(true, this.context.options.timers.now(), true)
  }

  /** Stops reading from the client. */
  pause(): void {
    if (this.#paused || this.state === ConnectionState.closed) return
    this.#paused = true
    this.socket.pause()
  }

  /** Reads from the client again. */
  resume(): void {
    if (!this.#paused || this.state === ConnectionState.closed) return
    this.#paused = false
    this.socket.resume()
  }

  touch(now: number): void {
    this.#arm(this.exchange?.idleTimeoutMs ?? 0, now)
  }

  finished(clean: boolean, now: number): void {
    const { exchange } = this
    this.exchange = undefined
    if (this.state === ConnectionState.closed || exchange === undefined) return
    const { bodyDone, keepAlive } = exchange
    if (!clean) {
      this.cut()
      return
    }
    const lastOne = this.#ended && this.#backlog.length === 0
    if (!keepAlive || lastOne || !bodyDone) {
      this.#finish(bodyDone)
      return
    }
    this.state = ConnectionState.idle
    this.#armIdle(now)
    this.resume()
    if (this.#backlog.length > 0) this.#pump()
  }

  /** Closes at once if no request is in progress; else after the response in progress. */
  drain(): void {
    if (this.state === ConnectionState.idle) this.#finish(true)
    else if (this.exchange !== undefined && this.state !== ConnectionState.tunnel) this.exchange.keepAlive = false
  }

  /** HTTP/1.1 has no word for it but a response's: the next one says `Connection: close`. */
  announceEnd(): void {}

  /** Closes without more ado. */
  cut(): void {
    if (this.state === ConnectionState.closed) return
    this.socket.terminate()
    this.onClose()
  }

  /** Keeps bytes that belong behind the request in progress; the client is paused when they are many. */
  #stash(bytes: Uint8Array, start: number, end: number): void {
    this.#backlog.add(bytes, start, end)
    if (this.#backlog.length > this.context.options.limits.pipelineBytes) this.pause()
  }

  /** Answers wait for a client that goes on asking: no more is read before it has taken them. */
  get #slowReader(): boolean {
    return this.output.waiting > this.context.options.limits.writeBufferBytes
  }

  /** Serves the backlog, one request after the other, without recursion. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.state <= ConnectionState.head && this.#backlog.length > 0 && !this.#slowReader)
      this.#backlog.take(this.#readBacklog)
    this.#pumping = false
  }

  /** Reads a request head, or more of it. */
  #read(bytes: Uint8Array, start: number, end: number): void {
    let { exchange } = this
    if (this.requests === 0 && this.#speaksHttp2(bytes, start, end)) return
    if (exchange === undefined) {
      exchange = this.context.takeExchange() ?? new Exchange(this.context, this, this)
      exchange.begin(this, this)
      this.exchange = exchange
    }
    const { request } = exchange
    if (request.filled === 0) {
      const view = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
      const result = scanRequestHead(request.head, view, end - start)
      if (result > 0) {
        request.append(view, 0, result)
        this.#start(exchange, bytes, start + result, end)
      } else this.#incomplete(exchange, bytes, start, end, result)
      return
    }
    request.append(bytes, start, end)
    const { filled } = request
    const result = scanRequestHead(request.head, request.head.bytes, filled)
    if (result > 0) {
      request.filled = result
      // The rest lies where the next request's head will be written: it is moved out at once.
      this.#start(exchange, Buffer.from(request.head.bytes.subarray(result, filled)), 0, filled - result)
    } else this.#incomplete(exchange, bytes, end, end, result)
  }

  /** A client that begins with the preface of HTTP/2 gets a connection of that kind, if the configuration lets it. */
  #speaksHttp2(bytes: Uint8Array, start: number, end: number): boolean {
    const { exchange, context } = this
    const filled = exchange?.request.filled ?? 0
    if (filled >= prefaceStart.length || context.options.manager().codec === 'http1') return false
    const held = exchange?.request.head.bytes
    for (let at = 0; at < prefaceStart.length; at += 1) {
      const octet = at < filled ? held?.[at] : start + at - filled < end ? bytes[start + at - filled] : undefined
      if (octet !== prefaceStart.charCodeAt(at)) return false
    }
    const first = Buffer.concat([held?.subarray(0, filled) ?? Buffer.alloc(0), bytes.subarray(start, end)])
    this.#leave()
    const next = new Http2Connection(context, this.socket, this.info)
    this.socket.data = next
    next.onData(this.socket, first)
    return true
  }

  /** Gives the socket to another owner; nothing was served on it. */
  #leave(): void {
    const { context, exchange } = this
    this.state = ConnectionState.closed
    this.exchange = undefined
    this.#timer.cancel()
    this.output.attach(undefined)
    if (exchange !== undefined) {
      context.stats.requestsTotal.value -= 1
      exchange.end(false, context.options.timers.now(), false)
    }
    context.connections.delete(this)
    this.#active.value -= 1
    context.stats.connectionsTotal.value -= 1
  }

  /** The head is complete; `bytes[start..end)` came behind it. */
  #start(exchange: Exchange, bytes: Uint8Array, start: number, end: number): void {
    const { context, info } = this
    const { request, plan } = exchange
    const { head } = request
    this.state = ConnectionState.busy
    this.requests += 1
    request.read(info.tls)
    const close = (head.connection & ConnectionOption.close) !== 0
    exchange.keepAlive = !context.closesAfterResponse() && !this.expired && !close
    if (head.minorVersion === 0 && (head.connection & ConnectionOption.keepAlive) === 0) exchange.keepAlive = false
    const { maxRequestsPerConnection } = plan.manager
    if (maxRequestsPerConnection > 0 && this.requests >= maxRequestsPerConnection) exchange.keepAlive = false
    const bodiless = this.#body.begin(head)
    exchange.onHead(bodiless, context.options.timers.now())
    this.#readBody(bytes, start, end)
    if (this.exchange === exchange) exchange.admit()
  }

  /** Reads body bytes; what is behind the body waits for its turn. */
  #readBody(bytes: Uint8Array, start: number, end: number): void {
    const { exchange } = this
    if (exchange === undefined) return
    if (exchange.bodyDone) {
      this.#stash(bytes, start, end)
      return
    }
    if (start === end) return
    this.touch(this.context.options.timers.now())
    const bodyEnd = this.#body.read(exchange, bytes, start, end)
    if (bodyEnd < end) this.#stash(bytes, bodyEnd, end)
  }

  /** More is needed, or the head is at fault. */
  #incomplete(exchange: Exchange, bytes: Uint8Array, start: number, end: number, result: number): void {
    if (result < 0) {
      this.state = ConnectionState.busy
      exchange.refuse(
        statusOfHeadFault(result),
        `http1.codec_error{${textOfHeadFault(result).replaceAll(' ', '_')}}`,
        result,
      )
      return
    }
    exchange.request.append(bytes, start, end)
    if (this.#ended) {
      // Half-closed behind whole requests and the beginning of one more: that one will not be finished.
      this.#finish(true)
      return
    }
    if (this.state === ConnectionState.head) return
    this.state = ConnectionState.head
    this.#arm(this.context.options.manager().requestHeadersTimeoutMs)
  }

  /** Sends what waits and closes; `quiet`: the client has nothing more to say. */
  #finish(quiet: boolean): void {
    this.state = ConnectionState.lingering
    this.#closeWhenFlushed = true
    this.#lingers = !quiet
    this.resume()
    this.#shut()
  }

  /**
   * Closing with unread bytes in the kernel would reset the connection and lose the answer: a client that is still sending is
   * read for a moment longer.
   */
  #shut(): void {
    if (this.state === ConnectionState.closed) return
    const { context, output } = this
    if (output.waiting > 0) {
      this.#arm(context.options.limits.flushTimeoutMs)
      return
    }
    this.#arm(context.options.limits.lingerMs)
    if (this.#lingers && !this.#ended) this.socket.shutdown()
    else this.socket.end()
  }

  /** Between requests: the client has its time to take what waits, then to ask again. */
  #armIdle(now?: number): void {
    const { limits, manager } = this.context.options
    this.#arm(this.output.waiting > 0 ? limits.flushTimeoutMs : manager().idleTimeoutMs, now)
  }

  #onLifetimeOver(): void {
    this.context.stats.connectionMaxDuration.value += 1
    this.expired = true
    this.drain()
  }

  /** The pressure rose: the limit that runs is cut to its present length. */
  rescale(): void {
    if (this.#timer.armed && this.#fullMs > 0) {
      const now = this.context.options.timers.now()
      this.#timer.arm(Math.max(1, this.#armedAt + this.#scaled(this.#fullMs) - now), now)
    }
  }

  #scaled(fullMs: number): number {
    const { connectionIdle, streamIdle } = this.context.overload
    if (this.state === ConnectionState.idle) return scaledTimeoutMs(fullMs, connectionIdle)
    if (this.state === ConnectionState.busy || this.state === ConnectionState.tunnel)
      return scaledTimeoutMs(fullMs, streamIdle)
    return fullMs
  }

  #arm(fullMs: number, now: number = this.context.options.timers.now()): void {
    this.#fullMs = fullMs
    this.#armedAt = now
    if (fullMs > 0) this.#timer.arm(this.#scaled(fullMs), now)
    else this.#timer.cancel()
  }
}
