import { ErrorCode } from '../frames/error-code.ts'
import type { FrameReader } from '../frames/frame-reader.ts'
import { Ending } from './closed-streams.ts'
import { firstWindowBytes } from './peer-settings.ts'
import type { SessionCore } from './session-core.ts'
import { type Http2Stream, StreamBit } from './stream.ts'

/** Receives DATA: windows (RFC 9113 sections 5.2 and 6.9), states of streams (5.1), lengths of bodies (8.1.1). */
export class DataReceiver {
  readonly #core: SessionCore
  readonly #reader: FrameReader
  /** Receive window of a new stream. */
  #initialWindow: number

  constructor(core: SessionCore, reader: FrameReader) {
    this.#core = core
    this.#reader = reader
    // Until the peer has acknowledged our settings it may go by the value of RFC 9113 section 6.5.2.
    this.#initialWindow = Math.max(firstWindowBytes, core.limits.streamWindowBytes)
  }

  get initialWindow(): number {
    return this.#initialWindow
  }

  /** The peer goes by our settings from now on. */
  settingsAcknowledged(): void {
    const { streamWindowBytes } = this.#core.limits
    const delta = streamWindowBytes - this.#initialWindow
    this.#initialWindow = streamWindowBytes
    if (delta !== 0) for (const stream of this.#core.streams.values()) stream.receiveWindow += delta
  }

  /** A piece of DATA, as the reader has it. */
  data(): void {
    const core = this.#core
    const { streamId, dataStart, dataEnd, flowBytes, endStream } = this.#reader
    const stream = core.streams.get(streamId)
    if (stream === undefined && core.isIdle(streamId)) {
      core.fail(ErrorCode.protocolError, 'protocol_error')
      return
    }
    if (!core.receive(flowBytes)) {
      core.fail(ErrorCode.flowControlError, 'flow_control_error')
      return
    }
    // Only a frame without octets is told by a piece without octets.
    core.guard.payload(dataStart === dataEnd && !endStream)
    if (stream === undefined) this.#late(streamId, flowBytes)
    else if (this.#accept(stream, flowBytes)) this.#deliver(stream, dataEnd - dataStart)
  }

  /** The owner of the stream has passed on `octets`: the peer may send as much again. */
  consume(stream: Http2Stream, octets: number): void {
    const taken = Math.min(octets, stream.unconsumed)
    if (taken <= 0 || stream.closed) return
    const core = this.#core
    stream.unconsumed -= taken
    stream.owed += taken
    core.giveBack(taken)
    if (stream.owed * 2 < core.limits.streamWindowBytes || stream.remoteEnded) return
    core.writer.windowUpdate(stream.id, stream.owed)
    stream.receiveWindow += stream.owed
    stream.owed = 0
    core.wrote()
  }

  /** DATA on a stream that is closed. */
  #late(id: number, octets: number): void {
    const core = this.#core
    core.giveBack(octets)
    // A later piece of a frame that was judged before.
    if (octets === 0 && this.#reader.dataStart < this.#reader.dataEnd) return
    if (id > core.lastAcceptedId) return
    core.guard.glitch()
    switch (core.closedStreams.find(id)) {
      case Ending.resetByUs:
        break
      case Ending.ended:
        core.fail(ErrorCode.streamClosed, 'stream_closed')
        break
      default:
        core.resetAbsent(id, ErrorCode.streamClosed)
    }
  }

  /** Whether the stream may receive a frame now; its octets are then its own. */
  #accept(stream: Http2Stream, octets: number): boolean {
    const core = this.#core
    let fault: number = ErrorCode.noError
    if (stream.remoteEnded) fault = ErrorCode.streamClosed
    else if ((stream.bits & StreamBit.headReceived) === 0) fault = ErrorCode.protocolError
    else if (octets > stream.receiveWindow) fault = ErrorCode.flowControlError
    if (fault !== ErrorCode.noError) {
      core.giveBack(octets)
      core.resetForFault(stream, fault)
      return false
    }
    stream.receiveWindow -= octets
    stream.unconsumed += octets
    return true
  }

  #deliver(stream: Http2Stream, length: number): void {
    const core = this.#core
    const { bytes, dataStart, dataEnd, flowBytes, paddingBytes, endStream } = this.#reader
    if (stream.bodyLeft >= 0) {
      stream.bodyLeft -= length
      if (stream.bodyLeft < 0 || (endStream && stream.bodyLeft > 0)) {
        core.resetForFault(stream, ErrorCode.protocolError)
        return
      }
    }
    if (flowBytes > 0) {
      core.guard.data(flowBytes)
      if (paddingBytes > 0) this.consume(stream, paddingBytes)
    }
    if (endStream) stream.bits |= StreamBit.remoteEnded
    stream.owner?.onData(stream, bytes, dataStart, dataEnd, endStream)
    if (endStream) core.closeIfEnded(stream)
  }
}
