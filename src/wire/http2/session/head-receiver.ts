import { ErrorCode } from '../frames/error-code.ts'
import type { FrameReader } from '../frames/frame-reader.ts'
import type { HpackDecoder } from '../hpack/decoder.ts'
import type { FieldBlock } from '../hpack/field-block.ts'
import { type HeadFacts, judgeRequest, judgeResponse, areTrailers, type RequestRules } from '../message/index.ts'
import { Ending } from './closed-streams.ts'
import type { DataReceiver } from './data-receiver.ts'
import type { SessionCore } from './session-core.ts'
import { Http2Stream, StreamBit } from './stream.ts'

/** Receives HEADERS: opens streams at a server (RFC 9113 section 5.1), and hands out heads and trailers that keep the rules of messages. */
export class HeadReceiver {
  readonly #core: SessionCore
  readonly #reader: FrameReader
  readonly #decoder: HpackDecoder
  readonly #data: DataReceiver
  readonly #rules: RequestRules

  constructor(
    core: SessionCore,
    parts: {
      readonly reader: FrameReader
      readonly decoder: HpackDecoder
      readonly data: DataReceiver
      readonly rules: RequestRules
    },
  ) {
    this.#core = core
    this.#reader = parts.reader
    this.#decoder = parts.decoder
    this.#data = parts.data
    this.#rules = parts.rules
  }

  /** A whole block, as the reader has it. It is decoded whatever becomes of the stream: the table depends on it. */
  headers(): void {
    const core = this.#core
    const { bytes, dataStart, dataEnd, streamId, endStream } = this.#reader
    const block = this.#decoder.decode(bytes, dataStart, dataEnd)
    if (typeof block === 'string') {
      if (block === 'decoded-too-large') core.fail(ErrorCode.enhanceYourCalm, 'header_overflow')
      else core.fail(ErrorCode.compressionError, 'compression_error')
      return
    }
    core.guard.payload(dataStart === dataEnd && !endStream)
    const stream = core.streams.get(streamId)
    if (stream !== undefined) this.#onStream(stream, block)
    else if (core.isIdle(streamId)) this.#onIdle(streamId, block)
    else this.#late(streamId)
  }

  #onStream(stream: Http2Stream, block: FieldBlock): void {
    const { errorCode } = this.#reader
    if (errorCode !== ErrorCode.noError) this.#core.resetForFault(stream, errorCode)
    else if (stream.remoteEnded) this.#core.resetForFault(stream, ErrorCode.streamClosed)
    else if ((stream.bits & StreamBit.headReceived) === 0) this.#response(stream, block)
    else this.#trailers(stream, block)
  }

  #onIdle(id: number, block: FieldBlock): void {
    const core = this.#core
    if (core.role === 'client' || (id & 1) === 0) {
      core.fail(ErrorCode.protocolError, 'protocol_error')
      return
    }
    core.highestPeerId = id
    if (id > core.lastAcceptedId) {
      core.guard.glitch()
      return
    }
    const { errorCode, endStream } = this.#reader
    if (errorCode !== ErrorCode.noError) {
      this.#refuseMalformed(id, errorCode)
      return
    }
    if (core.streams.size >= core.limits.maxConcurrentStreams) {
      core.refuse(id)
      return
    }
    const facts = this.#requestFacts(block)
    if (!facts.wellFormed || (endStream && facts.contentLength > 0)) {
      this.#refuseMalformed(id, ErrorCode.protocolError)
      return
    }
    this.#request(id, block, facts)
  }

  #refuseMalformed(id: number, errorCode: number): void {
    const core = this.#core
    core.resetAbsent(id, errorCode)
    core.owner.onMalformed?.()
  }

  #request(id: number, block: FieldBlock, facts: HeadFacts): void {
    const core = this.#core
    const { endStream } = this.#reader
    const stream = new Http2Stream(id, core.peer.initialWindow, this.#data.initialWindow)
    stream.bits = StreamBit.headReceived
    if (endStream) stream.bits |= StreamBit.remoteEnded
    if (facts.tunnel) stream.bits |= StreamBit.tunnel
    stream.bodyLeft = facts.contentLength
    core.lastPeerStreamId = id
    core.guard.openedStreams += 1
    core.streams.set(id, stream)
    const owner = core.owner.onStream(stream)
    if (stream.closed) return
    stream.owner = owner
    owner.onHeaders(stream, block, endStream)
    if (endStream) core.closeIfEnded(stream)
  }

  #response(stream: Http2Stream, block: FieldBlock): void {
    const core = this.#core
    const { endStream } = this.#reader
    const facts = this.#responseFacts(block)
    const { status, contentLength } = facts
    const interim = status > 0 && status < 200
    if (!facts.wellFormed || (interim && endStream)) {
      core.resetForFault(stream, ErrorCode.protocolError)
      return
    }
    if (interim) {
      stream.interimCount += 1
      if (stream.interimCount > core.limits.interimResponses) {
        core.resetForFault(stream, ErrorCode.enhanceYourCalm)
        return
      }
    } else {
      const bodyless = stream.headRequest || status === 204 || status === 304
      const tunnel = stream.connectRequest && status >= 200 && status < 300
      if (tunnel) stream.bits |= StreamBit.tunnel
      if (endStream && contentLength > 0 && !bodyless && !tunnel) {
        core.resetForFault(stream, ErrorCode.protocolError)
        return
      }
      stream.bodyLeft = contentLength
      if (bodyless) stream.bodyLeft = 0
      if (tunnel) stream.bodyLeft = -1
      stream.bits |= StreamBit.headReceived
      if (endStream) stream.bits |= StreamBit.remoteEnded
    }
    stream.owner?.onHeaders(stream, block, endStream)
    if (endStream) core.closeIfEnded(stream)
  }

  #trailers(stream: Http2Stream, block: FieldBlock): void {
    const core = this.#core
    const sound =
      this.#reader.endStream && (stream.bits & StreamBit.tunnel) === 0 && stream.bodyLeft <= 0 && areTrailers(block)
    if (!sound || block.tooLarge) {
      core.resetForFault(stream, sound ? ErrorCode.enhanceYourCalm : ErrorCode.protocolError)
      return
    }
    stream.bits |= StreamBit.remoteEnded
    stream.owner?.onTrailers(stream, block)
    core.closeIfEnded(stream)
  }

  #requestFacts(block: FieldBlock): HeadFacts {
    block.facts ??= judgeRequest(block, this.#rules)
    return block.facts
  }

  #responseFacts(block: FieldBlock): HeadFacts {
    block.facts ??= judgeResponse(block)
    return block.facts
  }

  /** HEADERS on a stream that is closed, or was passed over. */
  #late(id: number): void {
    const core = this.#core
    if (id > core.lastAcceptedId) return
    core.guard.glitch()
    switch (core.closedStreams.find(id)) {
      case Ending.resetByUs:
        break
      case Ending.ended:
        core.fail(ErrorCode.streamClosed, 'stream_closed')
        break
      case Ending.unknown:
        // RFC 9113 section 5.1.1: ids only grow.
        core.fail(ErrorCode.protocolError, 'protocol_error')
        break
      default:
        core.resetAbsent(id, ErrorCode.streamClosed)
    }
  }
}
