import { scaledTimeoutMs } from '../overload/index.ts'
import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import { type AccessLogRecord, ResponseFlag } from '../../telemetry/index.ts'
import { type BodyFraming, FieldId, type Head } from '../../wire/http1/index.ts'
import { ErrorCode, type FieldBlock, type Http2Stream, type StreamOwner } from '../../wire/http2/index.ts'
import type { ClientStream } from './client-stream.ts'
import type { HttpContext } from './context.ts'
import { Exchange } from './exchange.ts'
import { namesNeverIndexed, readHttp2Request, trailerLines } from './http2-head.ts'
import type { Http2Connection } from './http2-connection.ts'
import { LastWords } from './last-words.ts'
import { Phase } from './phase.ts'
import {
  type LocalReply,
  writeInterimHead,
  writeLocalReply,
  writeResponseFields,
  writeTunnelHead,
} from './response-writer.ts'
import { trailerFields } from './trailers.ts'

const noBytes = Buffer.alloc(0)
const noNames: readonly string[] = []

/** The client's side of an exchange on one stream of an HTTP/2 connection. Reusable. */
export class Http2ClientStream implements ClientStream, StreamOwner, TimerOwner {
  readonly protocol: AccessLogRecord['protocol'] = 'HTTP/2'
  readonly #context: HttpContext
  #connection: Http2Connection
  #stream: Http2Stream | undefined = undefined
  #exchange: Exchange | undefined = undefined
  readonly #timer: WheelTimer
  #paused = false
  /** Octets of the body that were received and not given back to the stream's window. */
  #owed = 0
  #flowing = true
  /** The last piece of the response's body: kept until it is known whether it is the last one. Valid until `flush`. */
  #piece: Uint8Array = noBytes
  #pieceStart = 0
  #pieceEnd = 0
  /** The response's END_STREAM is said. */
  #ended = false
  #tunnels = false

  constructor(context: HttpContext, connection: Http2Connection) {
    this.#context = context
    this.#connection = connection
    this.#timer = context.options.timers.timer(this)
  }

  /** Takes up a stream. */
  begin(connection: Http2Connection, stream: Http2Stream): void {
    this.#connection = connection
    this.#stream = stream
    this.#ended = false
    this.#tunnels = false
    this.#flowing = true
    this.#paused = false
    this.#owed = 0
  }

  onHeaders(stream: Http2Stream, block: FieldBlock, endStream: boolean): void {
    const connection = this.#connection
    const context = this.#context
    const exchange = context.takeExchange() ?? new Exchange(context, connection, this)
    exchange.begin(connection, this)
    this.#exchange = exchange
    const { request } = exchange
    const sound = readHttp2Request(request, block, endStream)
    exchange.onHead(endStream, connection.receivedAt)
    const { head } = request
    const { manager } = exchange.plan
    if (block.tooLarge || block.bytes > manager.maxRequestHeadersBytes || head.count > manager.maxHeadersCount)
      exchange.refuse(431, 'http2.too_many_headers', -1)
    else if (!sound) exchange.refuse(400, 'http2.invalid_path', -1)
    else if (head.expectsContinue && request.field(FieldId.expect)?.toLowerCase() !== '100-continue')
      exchange.refuse(417, 'http2.unknown_expectation', 0)
    else if (endStream) exchange.admit()
    else connection.putOff(this)
    connection.requests += 1
    void stream
  }

  /** What came with the head was delivered: the request goes its way. */
  onReceived(): void {
    const exchange = this.#exchange
    if (exchange !== undefined && exchange.phase === Phase.head) exchange.admit()
  }

  onData(_stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    if (this.#tunnels) exchange.leg.sendTunnel(bytes, start, end)
    else {
      exchange.deliver(bytes, start, end)
      this.touch(this.#connection.receivedAt)
    }
    if (this.#exchange !== exchange) return
    if (endStream) {
      if (this.#tunnels) exchange.leg.endTunnel()
      else exchange.endBody(undefined)
      return
    }
    exchange.flushBody()
    this.#owed += end - start
    if (!this.#paused) this.#giveBack()
  }

  onTrailers(_stream: Http2Stream, block: FieldBlock): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    if (block.sensitive.length > 0) exchange.neverTrailers = namesNeverIndexed(block)
    exchange.endBody(block.names.length === 0 ? undefined : trailerLines(block))
  }

  onReset(_stream: Http2Stream, errorCode: number, byPeer: boolean): void {
    const exchange = this.#exchange
    this.#release()
    if (byPeer) exchange?.onDownstreamGone(ResponseFlag.DR, 'http2.remote_reset')
    else if (errorCode === ErrorCode.noError) exchange?.onDownstreamGone()
    else exchange?.onDownstreamGone(ResponseFlag.DPE, 'http2.violation.of.messaging.rule')
  }

  onWritable(): void {
    this.#exchange?.leg.resume()
  }

  onTimer(): void {
    this.#exchange?.onStreamIdle()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#giveBack()
  }

  touch(now: number): void {
    const idleTimeoutMs = scaledTimeoutMs(this.#exchange?.idleTimeoutMs ?? 0, this.#context.overload.streamIdle)
    if (idleTimeoutMs > 0) this.#timer.arm(idleTimeoutMs, now)
    else this.#timer.cancel()
  }

  interim(head: Head): void {
    const { writer } = this.#context
    const exchange = this.#exchange
    if (exchange === undefined) return
    writer.reset()
    writeInterimHead(writer, head, exchange.plan)
    this.#sendHead(String(head.status), writer.length, false)
    writer.reset()
  }

  head(head: Head, framing: BodyFraming): void {
    const exchange = this.#exchange
    const { writer } = this.#context
    if (exchange === undefined) return
    writer.reset()
    writeResponseFields(writer, exchange, head, framing === 'none' ? 'none' : 'length', head.lineStart(0))
    this.#sendFields(statusText(head.status), 0, writer.length, framing === 'none', head.sensitive)
    writer.reset()
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return
    this.#sendPiece(false)
    this.#piece = bytes
    this.#pieceStart = start
    this.#pieceEnd = end
  }

  end(trailers: Buffer | undefined): void {
    const exchange = this.#exchange
    const stream = this.#stream
    if (stream === undefined || this.#ended) return
    const fields =
      trailers === undefined ? undefined : trailerFields(trailers, this.#context.options.limits.trailerCount)
    if (fields === undefined || fields.names.length === 0) {
      this.#sendPiece(true)
      return
    }
    this.#sendPiece(false)
    this.#ended = true
    this.#connection.session.sendTrailers(stream, fields.names, fields.values, exchange?.leg.neverTrailers)
  }

  flush(): boolean {
    this.#sendPiece(false)
    const flowing = this.#flowing
    this.#flowing = true
    return flowing
  }

  reply(reply: LocalReply): void {
    const exchange = this.#exchange
    const { writer } = this.#context
    const stream = this.#stream
    if (exchange === undefined || stream === undefined) return
    writer.reset()
    const headEnd = writeLocalReply(writer, exchange, reply)
    const bodiless = headEnd === writer.length
    this.#sendHead(String(reply.status), headEnd, bodiless)
    if (bodiless) {
      writer.reset()
      return
    }
    this.#ended = true
    this.#connection.session.sendData(stream, writer.bytes, headEnd, writer.length, true)
    writer.reset()
  }

  startTunnel(head: Head): void {
    const exchange = this.#exchange
    const { writer } = this.#context
    if (exchange === undefined) return
    this.#tunnels = true
    writer.reset()
    writeTunnelHead(writer, exchange, head)
    this.#sendHead('200', writer.length, false)
    writer.reset()
    this.resume()
    const { hold, held } = exchange
    exchange.hold = undefined
    exchange.held = 0
    if (hold !== undefined) exchange.leg.sendTunnel(hold, 0, held)
    if (exchange.bodyDone) exchange.leg.endTunnel()
  }

  endTunnel(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#sendPiece(true)
    exchange.end(true, this.#context.options.timers.now(), true)
  }

  finished(clean: boolean): void {
    const stream = this.#stream
    const connection = this.#connection
    if (stream === undefined) return
    this.#release()
    if (stream.closed) return
    // What waits for the client's window goes on its way when nobody looks any more.
    if (clean && this.#ended && stream.waiting > 0) stream.owner = this.#lastWords(stream)
    // After a whole answer the rest of the request is of no use (RFC 9113 section 8.1); a broken one must not look whole.
    else if (!clean || !this.#ended) connection.session.reset(stream, ErrorCode.internalError)
    else if (!stream.remoteEnded) connection.session.reset(stream, ErrorCode.noError)
  }

  #lastWords(stream: Http2Stream): StreamOwner {
    const { limits, timers } = this.#context.options
    return new LastWords(this.#connection.session, stream, timers, limits.flushTimeoutMs)
  }

  /** Encodes the head that stands in the writer up to `end`, without its start line and what belongs to HTTP/1.1. */
  #sendHead(status: string, end: number, endStream: boolean): void {
    this.#sendFields(status, this.#context.writer.bytes.indexOf(10) + 1, end, endStream, noNames)
  }

  #sendFields(status: string, start: number, end: number, endStream: boolean, sensitive: readonly string[]): void {
    const stream = this.#stream
    const { writer } = this.#context
    if (stream === undefined || stream.closed) return
    const { session } = this.#connection
    const encoder = session.beginHead()
    encoder.field(':status', status)
    encoder.lines(writer.bytes, start, end - 2, sensitive)
    session.endHead(stream, endStream)
    this.#ended = endStream
  }

  #sendPiece(endStream: boolean): void {
    const stream = this.#stream
    const bytes = this.#piece
    if (stream === undefined || this.#ended || (bytes === noBytes && !endStream)) return
    this.#piece = noBytes
    this.#ended = endStream
    const start = bytes === noBytes ? 0 : this.#pieceStart
    const end = bytes === noBytes ? 0 : this.#pieceEnd
    if (!this.#connection.session.sendData(stream, bytes, start, end, endStream)) this.#flowing = false
  }

  #giveBack(): void {
    const octets = this.#owed
    const stream = this.#stream
    this.#owed = 0
    if (octets > 0 && stream !== undefined && !stream.closed) this.#connection.session.consume(stream, octets)
  }

  #release(): void {
    this.#timer.cancel()
    this.#stream = undefined
    this.#exchange = undefined
    this.#piece = noBytes
    this.#connection.releaseStream(this)
  }
}

/** Statuses as text; made once. */
const statusTexts: string[] = []

function statusText(status: number): string {
  return (statusTexts[status] ??= String(status))
}
