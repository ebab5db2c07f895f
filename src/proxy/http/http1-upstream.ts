import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import {
  type BodyFraming,
  ChunkedDecoder,
  ChunkEvent,
  ConnectionOption,
  Head,
  responseFraming,
  scanResponseHead,
} from '../../wire/http1/index.ts'
import { onUpstreamProtocolError, onUpstreamReset } from './attempt.ts'
import { opensTunnel } from './connect.ts'
import { fieldTable } from './fields.ts'
import type { Exchange } from './exchange.ts'
import { noteKeepAlive } from './note-keep-alive.ts'
import { writeRequestHead } from './request-writer.ts'
import { SocketOutput } from './socket-output.ts'
import { writeTrailers } from './trailers.ts'
import type { UpstreamLeg } from './upstream-leg.ts'
import type { UpstreamSide } from './upstream-side.ts'
import type { ForwardDecision } from '../route/index.ts'

const State = { none: 0, sent: 1, body: 2, tunnel: 3 } as const

const emptyBytes = Buffer.alloc(0)

/** Requests sent on connections to clusters with `max_requests_per_connection`. */
const requestCounts = new WeakMap<StreamSocket, number>()

/** An attempt on an HTTP/1.1 connection: the socket's owner from `attach` until it is given back or closed. */
export class Http1Upstream implements SocketOwner, UpstreamSide {
  readonly head: Head
  readonly #exchange: Exchange
  readonly #leg: UpstreamLeg
  readonly #output: SocketOutput = new SocketOutput()
  #state: number = State.none
  #paused = false
  #endWhenFlushed = false
  #partial: Buffer = emptyBytes
  #framing: BodyFraming = 'none'
  #left = 0
  #decoder: ChunkedDecoder | undefined = undefined
  #keepAlive = false
  /** Bytes came that belong to no response. */
  #excess = false
  /** The response is here whole, its last byte too. */
  #whole = false

  constructor(exchange: Exchange, leg: UpstreamLeg) {
    const { limits } = exchange.context.options
    this.#exchange = exchange
    this.#leg = leg
    this.head = new Head(fieldTable, {
      headBytes: limits.responseHeadBytes,
      fieldCount: limits.responseHeaderCount,
      fieldBytes: limits.headerFieldBytes,
    })
  }

  get socket(): StreamSocket | undefined {
    return this.#output.socket
  }

  /** Takes a connection. True when no request was sent on it before: one that was used is still its last user's. */
  attach(socket: StreamSocket): boolean {
    const first = !(socket.data instanceof Http1Upstream)
    socket.data = this
    this.#output.attach(socket)
    this.#state = State.sent
    this.#whole = false
    this.#excess = false
    this.head.reset()
    return first
  }

  send(decision: ForwardDecision, first: boolean): boolean {
    const exchange = this.#exchange
    const { writer } = exchange.context
    const { hold, held, request } = exchange
    writer.begin(this)
    writeRequestHead(writer, exchange, decision, first)
    if (hold !== undefined && request.head.chunked) this.#appendChunk(hold, 0, held)
    else if (hold !== undefined && exchange.upgradeType === '') writer.copy(hold, 0, held)
    return exchange.bodyDone ? this.endBody() : this.flushBody()
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#exchange.request.head.chunked) {
      this.#appendChunk(bytes, start, end)
      return true
    }
    return this.#output.write(bytes, start, end)
  }

  flushBody(): boolean {
    const { writer } = this.#exchange.context
    if (!writer.holds(this)) return true
    const flowing = this.#output.write(writer.bytes, 0, writer.length)
    writer.reset()
    return flowing
  }

  endBody(): boolean {
    const { context, request, trailers } = this.#exchange
    const { writer } = context
    if (request.head.chunked) {
      writer.resume(this)
      writer.text('0\r\n')
      if (trailers !== undefined) writeTrailers(writer, trailers, context.options.limits.trailerCount)
      writer.text('\r\n')
    }
    return this.flushBody()
  }

  sendTunnel(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#output.write(bytes, start, end)
  }

  endTunnel(): void {
    this.#endWhenFlushed = true
    if (this.#output.waiting === 0) this.#output.socket?.shutdown()
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#output.socket?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#output.socket?.resume()
  }

  release(): void {
    const { socket } = this.#output
    const { endpoint } = this.#leg
    if (socket === undefined || endpoint === undefined) return
    const clean =
      this.#keepAlive &&
      this.#whole &&
      !this.#excess &&
      this.#exchange.bodyDone &&
      this.#output.waiting === 0 &&
      this.#mayServeAgain(socket, endpoint.cluster.config.maxRequestsPerConnection)
    if (this.#paused && clean) this.resume()
    this.#detach()
    if (clean) endpoint.putIdle(socket)
    else socket.terminate()
  }

  abandon(): void {
    const { socket } = this.#output
    this.#detach()
    if (socket !== undefined) socket.terminate()
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    if (socket !== this.#output.socket) return
    this.#leg.relay.arrivedAt = this.#exchange.context.options.timers.now()
    switch (this.#state) {
      case State.sent:
        this.#leg.answered = true
        this.#readHead(bytes)
        return
      case State.body:
        this.#readBody(bytes, 0, bytes.length)
        return
      case State.tunnel:
        this.#leg.relay.data(bytes, 0, bytes.length)
        this.#leg.relay.flush()
        return
      default:
        return
    }
  }

  onDrain(socket: StreamSocket): void {
    if (socket !== this.#output.socket || !this.#output.flush()) return
    if (this.#endWhenFlushed) socket.shutdown()
    else if (!this.#exchange.bodyDone || this.#state === State.tunnel) this.#exchange.stream.resume()
  }

  onEnd(socket: StreamSocket): void {
    this.#gone(socket)
  }

  onClose(socket: StreamSocket): void {
    this.#gone(socket)
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
        onUpstreamProtocolError(this.#exchange)
        return
      }
      if (result === 0) {
        this.#partial = Buffer.from(view)
        return
      }
      head.bytes = view
      if (head.status >= 200 || head.status === 101) {
        this.#partial = emptyBytes
        if (opensTunnel(this.#exchange, head.status)) this.#startTunnel(view, result)
        else if (head.status === 101) onUpstreamProtocolError(this.#exchange)
        else this.#startBody(view, result)
        return
      }
      if (!this.#leg.relay.interim(head)) {
        onUpstreamProtocolError(this.#exchange)
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

  #startTunnel(bytes: Buffer, headEnd: number): void {
    this.#state = State.tunnel
    const { relay } = this.#leg
    if (!relay.startTunnel(this.head)) return
    this.#leg.keepHead(headEnd)
    if (headEnd === bytes.length) return
    relay.data(bytes, headEnd, bytes.length)
    relay.flush()
  }

  #startBody(bytes: Buffer, headEnd: number): void {
    const { head } = this
    const framing = responseFraming(head, this.#exchange.request.method === 'HEAD')
    const here = bytes.length - headEnd
    this.#state = State.body
    this.#framing = framing
    this.#left = framing === 'none' ? 0 : head.contentLength
    this.#keepAlive = keepsAlive(head)
    if ((head.connection & ConnectionOption.keepAlive) !== 0) noteKeepAlive(head, this.#leg.endpoint)
    // Should the response be thrown away now: only one that is here whole leaves a clean connection.
    this.#whole = framing === 'none' ? here === 0 : framing === 'length' && here === head.contentLength
    if (framing === 'chunked') this.#resetDecoder()
    if (!this.#leg.relay.head(head, framing)) return
    this.#whole = false
    this.#leg.keepHead(headEnd)
    this.#readBody(bytes, headEnd, bytes.length)
  }

  #resetDecoder(): void {
    const { limits } = this.#exchange.context.options
    this.#decoder ??= new ChunkedDecoder({
      extensionBytes: limits.chunkExtensionBytes,
      trailerBytes: limits.trailerBytes,
    })
    this.#decoder.reset()
  }

  #readBody(bytes: Uint8Array, start: number, end: number): void {
    const { relay } = this.#leg
    if (this.#framing === 'chunked') {
      this.#readChunks(bytes, start, end)
      return
    }
    if (this.#framing === 'until-close') {
      relay.data(bytes, start, end)
      relay.flush()
      return
    }
    const taken = Math.min(this.#left, end - start)
    this.#left -= taken
    if (taken < end - start) this.#excess = true
    if (taken > 0) relay.data(bytes, start, start + taken)
    if (this.#left === 0) this.#finish(undefined)
    else relay.flush()
  }

  #readChunks(bytes: Uint8Array, start: number, end: number): void {
    const decoder = this.#decoder
    if (decoder === undefined) return
    const { relay } = this.#leg
    if (decoder === undefined) {
      relay.flush()
      return
    }
    let at = start
    while (at < end) {
      const event = decoder.next(bytes, at, end)
      at = decoder.position
      if (event === ChunkEvent.data) relay.data(bytes, decoder.dataStart, decoder.dataEnd)
      else if (event === ChunkEvent.end) {
        if (at < end) this.#excess = true
        this.#finish(decoder.trailers)
        return
      } else if (event === ChunkEvent.fault) {
        relay.failProtocol()
        return
      }
    }
    relay.flush()
  }

  #finish(trailers: Buffer | undefined): void {
    this.#whole = true
    this.#leg.relay.finish(trailers)
  }

  /** The upstream has nothing more to say. */
  #gone(socket: StreamSocket): void {
    if (socket !== this.#output.socket) return
    this.#leg.relay.arrivedAt = this.#exchange.context.options.timers.now()
    const leg = this.#leg
    leg.unreached = !leg.answered && leg.endpoint?.provesUnreached?.(socket, this.#output) === true
    if (this.#state === State.sent && this.#partial.length > 0) onUpstreamProtocolError(this.#exchange)
    else if (this.#state === State.sent) onUpstreamReset(this.#exchange)
    else if (this.#state === State.tunnel) this.#exchange.stream.endTunnel()
    else if (this.#framing === 'until-close') {
      this.#keepAlive = false
      this.#finish(undefined)
    } else this.#leg.relay.failConnection()
  }

  #mayServeAgain(socket: StreamSocket, maxRequests: number): boolean {
    if (maxRequests === 0) return true
    const count = (requestCounts.get(socket) ?? 0) + 1
    requestCounts.set(socket, count)
    return count < maxRequests
  }

  #appendChunk(bytes: Uint8Array, start: number, end: number): void {
    const { writer } = this.#exchange.context
    if (end <= start) return
    writer.resume(this)
    writer.chunkSize(end - start)
    writer.copy(bytes, start, end)
    writer.text('\r\n')
  }

  #detach(): void {
    this.#state = State.none
    this.#output.attach(undefined)
    this.#paused = false
    this.#endWhenFlushed = false
    this.#partial = emptyBytes
    if (!this.#leg.headKept) this.head.bytes = emptyBytes
  }
}

function keepsAlive(head: Head): boolean {
  if ((head.connection & ConnectionOption.close) !== 0) return false
  return head.minorVersion === 1 || (head.connection & ConnectionOption.keepAlive) !== 0
}
