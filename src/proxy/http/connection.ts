import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import type { EdgeSeries } from '../../telemetry/index.ts'
import { scanRequestHead, statusOfHeadFault, textOfHeadFault } from '../../wire/http1/index.ts'
import type { ClusterRuntime } from '../cluster/index.ts'
import { scaledTimeoutMs } from '../overload/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import { ConnectionState } from './connection-state.ts'
import type { HttpContext } from './context.ts'
import { Exchange } from './exchange.ts'
import type { PeerMetadata } from './peer-metadata.ts'
import { SocketOutput } from './socket-output.ts'

/** One accepted connection. */
export class Connection implements SocketOwner, TimerOwner {
  readonly context: HttpContext
  readonly info: DownstreamInfo
  readonly socket: StreamSocket
  readonly output: SocketOutput = new SocketOutput()
  /** Requests come from the proxy's own application. */
  readonly trusted: boolean
  /** `ip:port` that the client meant to reach. */
  readonly originalDestination: string
  state: number = ConnectionState.idle
  exchange: Exchange | undefined = undefined
  requests = 0
  /** `max_connection_duration` is over: the response in progress is the last. */
  expired = false
  /** Metadata of the peer; stays for the connection's life once it was sent. */
  peer: PeerMetadata | undefined = undefined
  /** Series of the last inbound edge and the cluster that it leads to. */
  series: EdgeSeries | undefined = undefined
  seriesCluster: ClusterRuntime | undefined = undefined
  readonly #active: { value: number }
  readonly #timer: WheelTimer
  /** Bytes behind the request in progress. */
  #backlog: Uint8Array | undefined = undefined
  #backlogStart = 0
  #backlogEnd = 0
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

  onData(_socket: StreamSocket, bytes: Uint8Array): void {
    switch (this.state) {
      case ConnectionState.idle:
      case ConnectionState.head:
        if (this.#slowReader) {
          this.stash(bytes, 0, bytes.length)
          this.pause()
          return
        }
        this.#read(bytes, 0, bytes.length)
        if (this.#backlogEnd > this.#backlogStart) this.#pump()
        return
      case ConnectionState.busy:
        this.exchange?.onRequestBytes(bytes, 0, bytes.length)
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
        if (this.exchange?.bodyDone === true && this.#backlogEnd === this.#backlogStart) this.exchange.keepAlive = false
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

  /** Keeps bytes that belong behind the request in progress; the client is paused when they are many. */
  stash(bytes: Uint8Array, start: number, end: number): void {
    if (start >= end) return
    const held = this.#backlogEnd - this.#backlogStart
    if (held === 0 && bytes === this.#backlog) {
      this.#backlogStart = start
      this.#backlogEnd = end
    } else {
      const kept = Buffer.allocUnsafe(held + end - start)
      if (this.#backlog !== undefined) kept.set(this.#backlog.subarray(this.#backlogStart, this.#backlogEnd), 0)
      kept.set(bytes.subarray(start, end), held)
      this.#backlog = kept
      this.#backlogStart = 0
      this.#backlogEnd = kept.length
    }
    if (this.#backlogEnd - this.#backlogStart > this.context.options.limits.pipelineBytes) this.pause()
  }

  /** Hands over what came behind an upgrade request. */
  takeBacklog(): Uint8Array | undefined {
    const bytes = this.#backlog?.subarray(this.#backlogStart, this.#backlogEnd)
    this.#backlog = undefined
    this.#backlogStart = 0
    this.#backlogEnd = 0
    return bytes
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

  /** Something moved: the stream idle timeout starts anew. */
  touch(now: number): void {
    this.#arm(this.exchange?.idleTimeoutMs ?? 0, now)
  }

  /** The exchange is over. `clean`: its response was sent whole and its request received whole. */
  onExchangeDone(exchange: Exchange, clean: boolean, now: number): void {
    this.exchange = undefined
    const keepAlive = clean && exchange.keepAlive
    const { bodyDone } = exchange
    this.context.releaseExchange(exchange)
    if (this.state === ConnectionState.closed) return
    if (!clean) {
      this.cut()
      return
    }
    const lastOne = this.#ended && this.#backlogEnd === this.#backlogStart
    if (!keepAlive || lastOne || !bodyDone) {
      this.#finish(bodyDone)
      return
    }
    this.state = ConnectionState.idle
    this.#armIdle(now)
    this.resume()
    if (this.#backlogEnd > this.#backlogStart) this.#pump()
  }

  /** Closes at once if no request is in progress; else after the response in progress. */
  drain(): void {
    if (this.state === ConnectionState.idle) this.#finish(true)
    else if (this.exchange !== undefined && this.state !== ConnectionState.tunnel) this.exchange.keepAlive = false
  }

  /** Closes without more ado. */
  cut(): void {
    if (this.state === ConnectionState.closed) return
    this.socket.terminate()
    this.onClose()
  }

  /** Answers wait for a client that goes on asking: no more is read before it has taken them. */
  get #slowReader(): boolean {
    return this.output.waiting > this.context.options.limits.writeBufferBytes
  }

  /** Serves the backlog, one request after the other, without recursion. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.state <= ConnectionState.head && this.#backlogEnd > this.#backlogStart && !this.#slowReader) {
      const bytes = this.#backlog
      const start = this.#backlogStart
      const end = this.#backlogEnd
      this.#backlogStart = this.#backlogEnd
      if (bytes !== undefined) this.#read(bytes, start, end)
    }
    if (this.#backlogEnd === this.#backlogStart) this.#backlog = undefined
    this.#pumping = false
  }

  /** Reads a request head, or more of it. */
  #read(bytes: Uint8Array, start: number, end: number): void {
    let { exchange } = this
    if (exchange === undefined) {
      exchange = this.context.takeExchange() ?? new Exchange(this.context, this)
      exchange.begin(this)
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

  #start(exchange: Exchange, rest: Uint8Array, start: number, end: number): void {
    this.state = ConnectionState.busy
    this.requests += 1
    exchange.onHead(rest, start, end)
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
