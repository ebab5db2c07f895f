import { ErrorCode } from '../frames/error-code.ts'
import { FrameEvent, type FrameReader } from '../frames/frame-reader.ts'
import { maxUint31 } from '../frames/frame-type.ts'
import { SettingId } from '../frames/setting.ts'
import type { HpackDecoder } from '../hpack/decoder.ts'
import type { HpackEncoder } from '../hpack/encoder.ts'
import { Ending } from './closed-streams.ts'
import type { DataReceiver } from './data-receiver.ts'
import type { DataSender } from './data-sender.ts'
import type { HeadReceiver } from './head-receiver.ts'
import type { SessionCore } from './session-core.ts'

/** Names of the connection errors that the reader of frames finds, by their codes. */
const counters: ReadonlyMap<number, string> = new Map([
  [ErrorCode.protocolError, 'protocol_error'],
  [ErrorCode.flowControlError, 'flow_control_error'],
  [ErrorCode.frameSizeError, 'frame_size_error'],
])

/** Parts of a session that frames are handed to. */
export interface FrameHandlerParts {
  readonly core: SessionCore
  readonly reader: FrameReader
  readonly encoder: HpackEncoder
  readonly decoder: HpackDecoder
  readonly sender: DataSender
  readonly data: DataReceiver
  readonly heads: HeadReceiver
  /** Our own `SETTINGS_HEADER_TABLE_SIZE`. */
  readonly tableBytes: number
}

/** Does what each frame asks for (RFC 9113 section 6). */
export class FrameHandler {
  readonly #core: SessionCore
  readonly #reader: FrameReader
  readonly #parts: FrameHandlerParts

  constructor(parts: FrameHandlerParts) {
    this.#core = parts.core
    this.#reader = parts.reader
    this.#parts = parts
  }

  /** Acts on one event of the reader. */
  handle(event: FrameEvent): void {
    switch (event) {
      case FrameEvent.data:
        this.#parts.data.data()
        break
      case FrameEvent.headers:
        this.#parts.heads.headers()
        break
      case FrameEvent.windowUpdate:
        this.#windowUpdate()
        break
      case FrameEvent.rstStream:
        this.#rstStream()
        break
      case FrameEvent.settings:
        this.#settings()
        break
      case FrameEvent.settingsAck:
        this.#settingsAck()
        break
      case FrameEvent.goaway:
        this.#goaway()
        break
      case FrameEvent.streamError:
        this.#streamError()
        break
      case FrameEvent.connectionError:
        this.#connectionError()
        break
      default:
        this.#other(event)
    }
  }

  #other(event: FrameEvent): void {
    const core = this.#core
    switch (event) {
      case FrameEvent.ping:
        core.writer.pingAck(this.#reader.bytes, this.#reader.dataStart)
        core.wrote()
        break
      case FrameEvent.pingAck:
        core.owner.onPong?.(this.#reader.bytes, this.#reader.dataStart)
        break
      case FrameEvent.priority:
        core.guard.priority()
        break
      default:
        core.guard.glitch()
    }
  }

  /** Section 6.9. */
  #windowUpdate(): void {
    const core = this.#core
    const { streamId, increment } = this.#reader
    core.guard.windowUpdate()
    if (streamId === 0) {
      if (core.sendWindow + increment > maxUint31) {
        core.fail(ErrorCode.flowControlError, 'flow_control_error')
        return
      }
      core.sendWindow += increment
      this.#parts.sender.serve()
      return
    }
    const stream = core.streams.get(streamId)
    if (stream === undefined) {
      if (core.isIdle(streamId)) core.fail(ErrorCode.protocolError, 'protocol_error')
      return
    }
    if (stream.sendWindow + increment > maxUint31) {
      core.resetForFault(stream, ErrorCode.flowControlError)
      return
    }
    stream.sendWindow += increment
    this.#parts.sender.widened(stream)
  }

  /** Section 6.4. */
  #rstStream(): void {
    const core = this.#core
    const { streamId, errorCode } = this.#reader
    const stream = core.streams.get(streamId)
    if (stream !== undefined) {
      core.resetByPeer(stream, errorCode)
    } else if (core.isIdle(streamId)) {
      core.fail(ErrorCode.protocolError, 'protocol_error')
    } else {
      core.guard.glitch()
      core.closedStreams.add(streamId, Ending.resetByPeer)
    }
  }

  /** Section 6.5. */
  #settings(): void {
    const core = this.#core
    const { peer, writer } = core
    core.guard.settings()
    const window = peer.initialWindow
    let limitsStreams = false
    for (const setting of this.#reader.settings) {
      if (!peer.take(setting)) {
        core.fail(ErrorCode.protocolError, 'protocol_error')
        return
      }
      if (setting.id === SettingId.maxConcurrentStreams) limitsStreams = true
      // Each value counts, in their order: the encoder must tell the lowest (RFC 7541 section 4.2).
      else if (setting.id === SettingId.headerTableSize) this.#parts.encoder.setTableLimit(setting.value)
    }
    peer.complete(limitsStreams)
    writer.maxFrameBytes = peer.maxFrameBytes
    if (!this.#shiftWindows(peer.initialWindow - window)) return
    writer.settingsAck()
    core.wrote()
    this.#parts.sender.serve()
    if (core.role === 'client') core.tellCapacity()
  }

  /** Section 6.9.2. */
  #shiftWindows(delta: number): boolean {
    if (delta === 0) return true
    if (delta > 0) {
      for (const stream of this.#core.streams.values()) {
        if (stream.sendWindow + delta <= maxUint31) continue
        this.#core.fail(ErrorCode.flowControlError, 'flow_control_error')
        return false
      }
    }
    this.#parts.sender.shifted(delta)
    return true
  }

  #settingsAck(): void {
    const core = this.#core
    if (core.settingsAcknowledged) {
      core.guard.glitch()
      return
    }
    core.settingsAcknowledged = true
    this.#parts.data.settingsAcknowledged()
    this.#parts.decoder.setTableLimit(this.#parts.tableBytes)
  }

  /** Section 6.8. */
  #goaway(): void {
    const core = this.#core
    const { lastStreamId, errorCode } = this.#reader
    core.guard.glitch()
    core.goawayReceived = true
    if (core.role === 'client') {
      // It must not grow; if it does, what was refused stays refused.
      core.goawayLastId = Math.min(core.goawayLastId, lastStreamId)
      core.resetAbove(core.goawayLastId, ErrorCode.refusedStream, true)
      if (core.failed) return
      core.owner.onGoaway(core.goawayLastId, errorCode)
    } else {
      core.owner.onGoaway(lastStreamId, errorCode)
    }
  }

  /** A fault that the reader found, and that concerns one stream. */
  #streamError(): void {
    const core = this.#core
    const { streamId, errorCode, flowBytes } = this.#reader
    const stream = core.streams.get(streamId)
    if (stream === undefined && core.isIdle(streamId)) {
      // There is no stream to be reset.
      core.fail(errorCode, counters.get(errorCode) ?? 'protocol_error')
      return
    }
    if (!core.receive(flowBytes)) {
      core.fail(ErrorCode.flowControlError, 'flow_control_error')
      return
    }
    core.giveBack(flowBytes)
    if (stream !== undefined) {
      core.resetForFault(stream, errorCode)
      return
    }
    core.guard.glitch()
    const silent = streamId > core.lastAcceptedId || core.closedStreams.find(streamId) === Ending.resetByUs
    if (!silent) core.resetAbsent(streamId, errorCode)
  }

  #connectionError(): void {
    const { errorCode, flood } = this.#reader
    this.#core.fail(errorCode, flood === '' ? (counters.get(errorCode) ?? 'protocol_error') : flood)
  }
}
