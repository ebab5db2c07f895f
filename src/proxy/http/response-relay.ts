import { ResponseFlag } from '../../telemetry/index.ts'
import {
  type BodyFraming,
  ChunkedDecoder,
  ChunkEvent,
  ConnectionOption,
  type Head,
  responseFraming,
} from '../../wire/http1/index.ts'
import { onUpstreamProtocolError, retryAfterResponse } from './attempt.ts'
import { ConnectionState } from './connection-state.ts'
import type { Exchange } from './exchange.ts'
import { Phase } from './phase.ts'
import { type BodyDelivery, writeInterimHead, writeResponseHead, writeUpgradeHead } from './response-writer.ts'
import { writeTrailers } from './trailers.ts'
import type { UpstreamLeg } from './upstream-leg.ts'

/** Carries an upstream's response to the client: head with edits, body in the framing that the client can read. */
export class ResponseRelay {
  readonly #exchange: Exchange
  readonly #leg: UpstreamLeg
  #framing: BodyFraming = 'none'
  #delivery: BodyDelivery = 'none'
  #left = 0
  #decoder: ChunkedDecoder | undefined = undefined
  #interims = 0
  #keepAlive = false
  /** Bytes came that belong to no response, or the response is here whole and nothing more. */
  #excess = false
  #wholeHere = false

  constructor(exchange: Exchange, leg: UpstreamLeg) {
    this.#exchange = exchange
    this.#leg = leg
  }

  /** The head is scanned; body bytes may follow it in `bytes`. */
  onHead(head: Head, bytes: Uint8Array, headEnd: number): void {
    const exchange = this.#exchange
    const { context, decision, request } = exchange
    const now = context.options.timers.now()
    exchange.serviceTimeMs = Math.round(now - exchange.sentAt)
    this.#interims = 0
    this.#leg.endpoint?.outlier?.countResponse(head.status)
    this.#leg.endpoint?.latency?.observe(now - exchange.sentAt, now)
    if (head.status === 101) {
      this.#startTunnel(head, bytes, headEnd)
      return
    }
    const framing = responseFraming(head, request.method === 'HEAD')
    const here = bytes.length - headEnd
    this.#framing = framing
    this.#left = head.contentLength
    this.#excess = false
    this.#wholeHere = framing === 'none' ? here === 0 : framing === 'length' && here === head.contentLength
    this.#keepAlive = keepsAlive(head)
    if (
      decision?.kind === 'forward' &&
      decision.retry !== undefined &&
      retryAfterResponse(exchange, decision.retry, head)
    )
      return
    if (exchange.retrying && head.status < 500 && exchange.cluster !== undefined)
      exchange.cluster.stats.upstream_rq_retry_success += 1
    exchange.status = head.status
    exchange.details = 'via_upstream'
    exchange.phase = Phase.responding
    // An answer ahead of the request's end, or to an upgrade that did not happen: what follows may not be a request.
    if (context.draining || !exchange.bodyDone || exchange.upgradeType !== '') exchange.keepAlive = false
    this.#delivery = this.#chooseDelivery(framing)
    if (framing === 'chunked') this.#resetDecoder()
    exchange.connection.touch(now)
    context.writer.reset()
    writeResponseHead(context.writer, exchange, head, this.#delivery)
    if (exchange.plan.manager.accessLogs.length > 0) this.#keepHead(head, headEnd)
    this.#relay(bytes, headEnd, bytes.length, true, now)
  }

  /** More of the body. */
  onBody(bytes: Uint8Array, start: number, end: number): void {
    const { connection, context } = this.#exchange
    const now = context.options.timers.now()
    connection.touch(now)
    context.writer.reset()
    this.#relay(bytes, start, end, false, now)
  }

  /** A `1xx` response other than 101; false when there were too many of them. */
  onInterim(head: Head): boolean {
    const { connection, context, request } = this.#exchange
    this.#interims += 1
    if (this.#interims > context.options.limits.interimResponses) return false
    if (request.head.minorVersion === 0) return true
    context.writer.reset()
    writeInterimHead(context.writer, head, this.#exchange.plan)
    connection.output.write(context.writer.bytes, 0, context.writer.length)
    return true
  }

  /** The upstream closed its side. */
  onUpstreamEnd(): void {
    const exchange = this.#exchange
    const { connection, context } = exchange
    const now = context.options.timers.now()
    if (exchange.phase === Phase.tunnel) {
      exchange.keepAlive = false
      exchange.end(true, now, true)
    } else if (exchange.phase === Phase.responding && this.#framing === 'until-close') {
      if (this.#delivery === 'chunked') {
        context.writer.reset()
        context.writer.text('0\r\n\r\n')
        connection.output.write(context.writer.bytes, 0, context.writer.length)
      }
      this.#keepAlive = false
      this.#finish(now)
    } else if (exchange.phase === Phase.responding) {
      this.#leg.endpoint?.outlier?.countConnectFailure()
      exchange.flags |= ResponseFlag.UC
      exchange.details = 'upstream_reset_after_response_started{connection_termination}'
      exchange.abort()
    }
  }

  /** The response is thrown away: its connection is kept only if nothing of it is still to come. */
  discard(): void {
    this.#leg.complete(this.#wholeHere && this.#keepAlive && this.#exchange.bodyDone)
  }

  /** Bytes of an upgraded connection. */
  onTunnel(bytes: Uint8Array, start: number, end: number): void {
    const exchange = this.#exchange
    exchange.bytesSent += end - start
    exchange.connection.touch(exchange.context.options.timers.now())
    if (!exchange.connection.output.write(bytes, start, end)) this.#leg.pause()
  }

  #chooseDelivery(framing: BodyFraming): BodyDelivery {
    if (framing === 'none' || framing === 'length') return framing
    if (this.#exchange.request.head.minorVersion === 1) return 'chunked'
    this.#exchange.keepAlive = false
    return 'until-close'
  }

  #resetDecoder(): void {
    const { limits } = this.#exchange.context.options
    this.#decoder ??= new ChunkedDecoder({
      extensionBytes: limits.chunkExtensionBytes,
      trailerBytes: limits.trailerBytes,
    })
    this.#decoder.reset()
  }

  /** Access logs read the head when the exchange is over: by then the receive buffer is gone. */
  #keepHead(head: Head, headEnd: number): void {
    head.bytes = Buffer.from(head.bytes.subarray(0, headEnd))
    this.#leg.headKept = true
  }

  /** Forwards `bytes[start..end)`. The writer may hold the head (`gather`): then both leave together. */
  #relay(bytes: Uint8Array, start: number, end: number, gather: boolean, now: number): void {
    const exchange = this.#exchange
    const { writer } = exchange.context
    const { output } = exchange.connection
    let done = false
    let flowing = true
    if (this.#framing === 'chunked') {
      const event = this.#decodeChunks(bytes, start, end)
      if (event === ChunkEvent.fault) {
        this.#fault()
        return
      }
      done = event === ChunkEvent.end
    } else {
      const raw =
        this.#framing === 'length' ? Math.min(this.#left, end - start) : this.#framing === 'none' ? 0 : end - start
      this.#left -= raw
      done = this.#framing === 'none' || (this.#framing === 'length' && this.#left === 0)
      if (raw < end - start) this.#excess = true
      exchange.bytesSent += raw
      if (this.#delivery === 'chunked') this.#leg.appendChunk(bytes, start, start + raw)
      else if (gather && raw <= exchange.context.options.limits.gatheredBytes) writer.copy(bytes, start, start + raw)
      else {
        if (writer.length > 0) flowing = output.write(writer.bytes, 0, writer.length)
        writer.reset()
        if (raw > 0) flowing = output.write(bytes, start, start + raw)
      }
    }
    if (writer.length > 0) flowing = output.write(writer.bytes, 0, writer.length)
    if (done) this.#finish(now)
    else if (!flowing) this.#leg.pause()
  }

  /** Decodes what is there into the writer, in the framing of the client. */
  #decodeChunks(bytes: Uint8Array, start: number, end: number): number {
    const decoder = this.#decoder
    const exchange = this.#exchange
    const { writer } = exchange.context
    if (decoder === undefined) return ChunkEvent.fault
    let at = start
    while (at < end) {
      const event = decoder.next(bytes, at, end)
      at = decoder.position
      if (event === ChunkEvent.data) {
        const { dataStart, dataEnd } = decoder
        exchange.bytesSent += dataEnd - dataStart
        if (this.#delivery === 'chunked') this.#leg.appendChunk(bytes, dataStart, dataEnd)
        else writer.copy(bytes, dataStart, dataEnd)
      } else if (event === ChunkEvent.end) {
        if (at < end) this.#excess = true
        if (this.#delivery !== 'chunked') return event
        writer.text('0\r\n')
        if (decoder.trailers !== undefined)
          writeTrailers(writer, decoder.trailers, exchange.context.options.limits.trailerCount)
        writer.text('\r\n')
        return event
      } else return event
    }
    return ChunkEvent.more
  }

  /** The body's framing broke in the middle of the response. */
  #fault(): void {
    const exchange = this.#exchange
    this.#leg.endpoint?.outlier?.countConnectFailure()
    exchange.flags |= ResponseFlag.UPE
    exchange.details = 'upstream_reset_after_response_started{protocol_error}'
    exchange.abort()
  }

  #finish(now: number): void {
    const exchange = this.#exchange
    this.#leg.complete(this.#keepAlive && !this.#excess && exchange.bodyDone)
    exchange.end(true, now, true)
  }

  /** Both sides speak another protocol from here on. Bytes that the client sent ahead were held until now. */
  #startTunnel(head: Head, bytes: Uint8Array, headEnd: number): void {
    const exchange = this.#exchange
    const { connection, context } = exchange
    if (exchange.upgradeType === '') {
      onUpstreamProtocolError(exchange)
      return
    }
    exchange.status = 101
    exchange.details = 'via_upstream'
    exchange.phase = Phase.tunnel
    exchange.routeDeadline = 0
    connection.state = ConnectionState.tunnel
    context.writer.reset()
    writeUpgradeHead(context.writer, exchange, head)
    if (exchange.plan.manager.accessLogs.length > 0) this.#keepHead(head, headEnd)
    connection.output.write(context.writer.bytes, 0, context.writer.length)
    if (headEnd < bytes.length) this.onTunnel(bytes, headEnd, bytes.length)
    const ahead = connection.takeBacklog()
    connection.resume()
    if (ahead !== undefined) this.#leg.sendTunnel(ahead, 0, ahead.length)
  }
}

function keepsAlive(head: Head): boolean {
  if ((head.connection & ConnectionOption.close) !== 0) return false
  return head.minorVersion === 1 || (head.connection & ConnectionOption.keepAlive) !== 0
}
