import type { StreamSocket } from '../../net/index.ts'
import { ResponseFlag } from '../../telemetry/index.ts'
import { type BodyFraming, Head, type HeadWriter } from '../../wire/http1/index.ts'
import { ErrorCode, type FieldBlock, type Http2Stream } from '../../wire/http2/index.ts'
import type { MultiplexedConnection, MultiplexedOwner } from '../cluster/index.ts'
import type { ForwardDecision } from '../route/index.ts'
import { onUpstreamProtocolError, onUpstreamRefused, onUpstreamReset, onUpstreamStreamReset } from './attempt.ts'
import { toFieldText } from './edited-fields.ts'
import type { Exchange } from './exchange.ts'
import { fieldTable } from './fields.ts'
import { namesNeverIndexed, readHttp2Response, trailerLines } from './http2-head.ts'
import { Phase } from './phase.ts'
import { targetOf, writeRequestFields } from './request-writer.ts'
import { trailerFields } from './trailers.ts'
import type { UpstreamLeg } from './upstream-leg.ts'
import type { UpstreamSide } from './upstream-side.ts'

const noBytes = Buffer.alloc(0)

/** What responses to heads of upgrades say in HTTP/1.1. */
const switchingProtocols = 101

/** An attempt on one stream of a multiplexed connection. */
export class Http2Upstream implements UpstreamSide, MultiplexedOwner {
  readonly head: Head
  readonly #exchange: Exchange
  readonly #leg: UpstreamLeg
  #connection: MultiplexedConnection | undefined = undefined
  #stream: Http2Stream | undefined = undefined
  /** The response's head was read and is not told yet: what follows it may leave with it. */
  #headDue = false
  #framing: BodyFraming = 'none'
  #tunnels = false
  #paused = false
  /** Octets of the body that were received and not given back to the stream's window. */
  #owed = 0
  /** The last piece of the request's body: kept until it is known whether it is the last one. */
  #piece: Uint8Array = noBytes
  #pieceStart = 0
  #pieceEnd = 0

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
    return this.#connection?.socket
  }

  /** Opens a stream. True when it is the connection's first. */
  attach(connection: MultiplexedConnection): boolean {
    const first = connection.requests === 0
    this.#connection = connection
    this.#stream = connection.open(this)
    this.#headDue = false
    this.#tunnels = false
    this.head.reset()
    return first
  }

  send(decision: ForwardDecision, first: boolean): boolean {
    const exchange = this.#exchange
    const connection = this.#connection
    const stream = this.#stream
    if (connection === undefined || stream === undefined) return true
    const { bodyDone, hold, held, request, trailers } = exchange
    const { writer } = exchange.context
    stream.headRequest = request.method === 'HEAD'
    stream.connectRequest = exchange.upgradeType !== ''
    writer.reset()
    writeRequestFields(writer, exchange, decision, first, request.head.lineStart(0))
    const bodiless = bodyDone && hold === undefined && trailers === undefined && exchange.upgradeType === ''
    this.#encodeHead(connection, writer, decision)
    // It is shared, and what stands in it would leave with the next response of another client.
    writer.reset()
    connection.session.endHead(stream, bodiless)
    if (bodiless) return true
    if (hold !== undefined && exchange.upgradeType === '') this.sendBody(hold, 0, held)
    if (bodyDone && exchange.upgradeType === '') return this.endBody()
    return this.flushBody()
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    const flowing = this.#sendPiece(false)
    this.#piece = bytes
    this.#pieceStart = start
    this.#pieceEnd = end
    return flowing
  }

  flushBody(): boolean {
    return this.#sendPiece(false)
  }

  endBody(): boolean {
    const { context, neverTrailers, trailers } = this.#exchange
    const connection = this.#connection
    const stream = this.#stream
    if (connection === undefined || stream === undefined) return true
    const fields = trailers === undefined ? undefined : trailerFields(trailers, context.options.limits.trailerCount)
    if (fields === undefined || fields.names.length === 0) return this.#sendPiece(true)
    const flowing = this.#sendPiece(false)
    connection.session.sendTrailers(stream, fields.names, fields.values, neverTrailers)
    return flowing
  }

  sendTunnel(bytes: Uint8Array, start: number, end: number): boolean {
    this.sendBody(bytes, start, end)
    return this.#sendPiece(false)
  }

  endTunnel(): void {
    this.#sendPiece(true)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#giveBack()
  }

  release(): void {
    const connection = this.#connection
    const stream = this.#stream
    this.#detach()
    if (connection === undefined || stream === undefined || stream.closed) return
    if (!stream.remoteEnded) connection.session.reset(stream, ErrorCode.cancel)
    // The response is whole, the request is not: the rest of it is of no use (RFC 9113 section 8.1).
    else if (!stream.localEnded) connection.session.reset(stream, ErrorCode.noError)
  }

  abandon(): void {
    const connection = this.#connection
    const stream = this.#stream
    this.#detach()
    if (connection !== undefined && stream !== undefined && !stream.closed)
      connection.session.reset(stream, ErrorCode.cancel)
  }

  onHeaders(stream: Http2Stream, block: FieldBlock, endStream: boolean): void {
    if (stream !== this.#stream) return
    this.#arrive()
    this.#leg.answered = true
    if (block.tooLarge) {
      onUpstreamProtocolError(this.#exchange)
      return
    }
    readHttp2Response(this.head, block)
    const { head } = this
    const { status } = head
    if (status < 200) {
      if (!this.#leg.relay.interim(head)) onUpstreamProtocolError(this.#exchange)
      return
    }
    if (this.#exchange.upgradeType !== '' && status < 300 && !endStream) {
      this.#startTunnel()
      return
    }
    this.#framing = endStream || stream.headRequest ? 'none' : head.contentLength < 0 ? 'chunked' : 'length'
    head.chunked = this.#framing === 'chunked'
    if (!endStream) {
      this.#headDue = true
      this.#connection?.putOff(this)
    } else if (this.#tellHead()) this.#leg.relay.finish(undefined)
  }

  onData(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (stream !== this.#stream) return
    this.#arrive()
    const { relay } = this.#leg
    if (this.#headDue && !this.#tellHead()) return
    relay.data(bytes, start, end)
    if (!endStream) {
      this.#owed += end - start
      if (!this.#paused) this.#giveBack()
      relay.flush()
    } else if (this.#tunnels) {
      relay.flush()
      this.#exchange.stream.endTunnel()
    } else relay.finish(undefined)
  }

  onTrailers(stream: Http2Stream, block: FieldBlock): void {
    if (stream !== this.#stream) return
    this.#arrive()
    if (this.#headDue && !this.#tellHead()) return
    if (block.sensitive.length > 0) this.#leg.neverTrailers = namesNeverIndexed(block)
    this.#leg.relay.finish(trailerLines(block))
  }

  onReset(stream: Http2Stream, errorCode: number, byPeer: boolean): void {
    if (stream !== this.#stream) return
    const exchange = this.#exchange
    this.#connection = undefined
    this.#stream = undefined
    if (this.#tunnels) exchange.stream.endTunnel()
    else if (exchange.phase >= Phase.responding) this.#breakOff(errorCode, byPeer)
    else if (errorCode === ErrorCode.refusedStream) onUpstreamRefused(exchange)
    else if (errorCode === ErrorCode.protocolError) onUpstreamProtocolError(exchange)
    else if (byPeer) onUpstreamStreamReset(exchange)
    else if (errorCode === ErrorCode.noError) onUpstreamReset(exchange)
    else onUpstreamProtocolError(exchange)
  }

  onWritable(stream: Http2Stream): void {
    const exchange = this.#exchange
    if (stream === this.#stream && (!exchange.bodyDone || this.#tunnels)) exchange.stream.resume()
  }

  onReceived(): void {
    if (this.#headDue && this.#tellHead()) this.#leg.relay.flush()
  }

  /** The response's stream is over before the response is. */
  #breakOff(errorCode: number, byPeer: boolean): void {
    const { relay } = this.#leg
    if (errorCode === ErrorCode.protocolError) relay.failProtocol()
    else if (byPeer) relay.fail(ResponseFlag.UR, 'remote_reset')
    else if (errorCode === ErrorCode.noError) relay.failConnection()
    else relay.failProtocol()
  }

  #arrive(): void {
    this.#leg.relay.arrivedAt = this.#connection?.receivedAt ?? 0
  }

  /** False when the response goes no further. */
  #tellHead(): boolean {
    this.#headDue = false
    if (!this.#leg.relay.head(this.head, this.#framing)) return false
    this.#leg.keepHead(this.head.end)
    return true
  }

  /** A 2xx to extended CONNECT is what 101 is in HTTP/1.1; to CONNECT it stays what it is. */
  #startTunnel(): void {
    const { head } = this
    this.#tunnels = true
    if (this.#exchange.upgradeType !== 'connect') head.status = switchingProtocols
    if (this.#leg.relay.startTunnel(head)) this.#leg.keepHead(head.end)
  }

  #sendPiece(endStream: boolean): boolean {
    const connection = this.#connection
    const stream = this.#stream
    const bytes = this.#piece
    if (connection === undefined || stream === undefined) return true
    if (bytes === noBytes && !endStream) return stream.waiting === 0
    this.#piece = noBytes
    const start = bytes === noBytes ? 0 : this.#pieceStart
    const end = bytes === noBytes ? 0 : this.#pieceEnd
    return connection.session.sendData(stream, bytes, start, end, endStream)
  }

  #giveBack(): void {
    const octets = this.#owed
    const stream = this.#stream
    this.#owed = 0
    if (octets > 0 && stream !== undefined) this.#connection?.session.consume(stream, octets)
  }

  #encodeHead(connection: MultiplexedConnection, writer: HeadWriter, decision: ForwardDecision): void {
    const { request, upgradeType } = this.#exchange
    const encoder = connection.session.beginHead()
    encoder.field(':method', upgradeType === '' ? request.method : 'CONNECT')
    if (upgradeType !== 'connect') {
      encoder.field(':scheme', request.scheme)
      encoder.field(':path', targetOf(this.#exchange, decision))
    }
    const authority = decision.hostRewrite === undefined ? request.authority : toFieldText(decision.hostRewrite)
    encoder.field(':authority', authority)
    if (upgradeType !== '' && upgradeType !== 'connect') encoder.field(':protocol', upgradeType)
    encoder.lines(writer.bytes, 0, writer.length - 2, request.head.sensitive)
  }

  #detach(): void {
    this.#connection = undefined
    this.#stream = undefined
    this.#headDue = false
    this.#paused = false
    this.#owed = 0
    this.#piece = noBytes
  }
}
