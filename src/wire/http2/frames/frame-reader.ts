import { defaultFrameLimits, type FrameLimits } from '../limits.ts'
import { ErrorCode } from './error-code.ts'
import { judgeFrameHeader, streamScope } from './frame-rules.ts'
import { connectionPreface, FrameFlag, frameHeaderBytes, FrameType, maxUint31 } from './frame-type.ts'
import { OctetGatherer } from './octet-gatherer.ts'
import { judgeSetting, type Role, type Setting } from './setting.ts'

/** What `FrameReader.next` found; the fields that are named here are set. */
export const FrameEvent = {
  /** All given octets are used up. */
  more: 0,
  /** A piece of DATA: `streamId`, `bytes[dataStart..dataEnd)`, `flowBytes`, `endStream`. */
  data: 1,
  /**
   * A whole field block: `streamId`, `bytes[dataStart..dataEnd)`, `endStream`. If `errorCode` is not `noError`, the stream is to
   * be reset with it, after the block was decoded: the connection's table depends on it.
   */
  headers: 2,
  /** PRIORITY, which means nothing any more (RFC 9113 section 5.3.2): `streamId`. */
  priority: 3,
  /** RST_STREAM: `streamId`, `errorCode`. */
  rstStream: 4,
  /** SETTINGS: `settings`, to be acknowledged. */
  settings: 5,
  settingsAck: 6,
  /** PING, to be acknowledged: `bytes[dataStart..dataEnd)`. */
  ping: 7,
  /** Answer to a PING: `bytes[dataStart..dataEnd)`. */
  pingAck: 8,
  /** GOAWAY: `lastStreamId`, `errorCode`, debug data in `bytes[dataStart..dataEnd)`. */
  goaway: 9,
  /** WINDOW_UPDATE: `streamId` (0 for the connection), `increment`, at least 1. */
  windowUpdate: 10,
  /** A frame of an unknown type, to be ignored: `frameType`, `streamId`. Its payload is skipped. */
  unknown: 11,
  /** `streamId` is to be reset with `errorCode`; reading goes on. `flowBytes` count against the connection's window. */
  streamError: 12,
  /** The connection is to be closed with `errorCode`; nothing is read any more. */
  connectionError: 13,
} as const
export type FrameEvent = (typeof FrameEvent)[keyof typeof FrameEvent]

const State = {
  preface: 0,
  header: 1,
  payload: 2,
  padLength: 3,
  data: 4,
  skip: 5,
  closed: 6,
} as const

const preface = Buffer.from(connectionPreface, 'latin1')
const noBytes = Buffer.alloc(0)

/**
 * Reads frames (RFC 9113 sections 3.4, 4 and 6), resumable at every octet. DATA is given out in pieces as it arrives, every other frame whole;
 * HEADERS and its CONTINUATIONs as one block. Call `next` until it answers `more`. What an event points to is valid until the next call.
 *
 * The header of a frame is judged before its payload is waited for. Whether a stream may receive the frame is for its owner to know.
 */
export class FrameReader {
  /** Where the next call must go on. */
  position = 0
  /** The given octets, or a copy of those that came in pieces. */
  bytes: Buffer = noBytes
  dataStart = 0
  dataEnd = 0
  streamId = 0
  /** Last frame of the sender on this stream. */
  endStream = false
  /** What counts against the windows (section 6.9.1): the whole payload of DATA at its first piece, 0 at later ones. */
  flowBytes = 0
  /** Of `flowBytes`, what is padding: nobody will read it. */
  paddingBytes = 0
  /** Name of the attack, when `errorCode` of a connection error is `enhanceYourCalm`. */
  flood = ''
  errorCode: number = ErrorCode.noError
  settings: readonly Setting[] = []
  increment = 0
  lastStreamId = 0
  frameType = 0

  readonly #limits: FrameLimits
  readonly #role: Role
  readonly #gathered = new OctetGatherer()
  readonly #header = Buffer.alloc(frameHeaderBytes)
  #headerLength = 0
  #state: number
  #matched = 0
  /** SETTINGS must come first (section 3.4). */
  #first = true
  #flags = 0
  /** Payload octets that are still to come; while data is read, without the padding. */
  #rest = 0
  #padding = 0
  /** Payload octets in all; of DATA, those that were not yet counted for flow control. */
  #length = 0

  /** Stream whose block goes on; 0 if none does. */
  #blockStream = 0
  #blockEndsStream = false
  #blockError: number = ErrorCode.noError
  #continuations = 0
  /** Frames of the block that went by without a single octet, one after the other. */
  #emptyFrames = 0
  readonly #block = new OctetGatherer()

  /** @param role A server expects the preface of the client first. */
  constructor(role: Role, limits: Partial<FrameLimits> = {}) {
    this.#role = role
    this.#limits = { ...defaultFrameLimits, ...limits }
    this.#state = role === 'server' ? State.preface : State.header
  }

  /** Reads `bytes[start..end)` up to the next event; then `position` says how far. */
  next(bytes: Buffer, start = 0, end: number = bytes.length): FrameEvent {
    this.position = start
    for (;;) {
      const event = this.#step(bytes, end)
      if (event !== undefined) return event
    }
  }

  /** Lets go of what was gathered for frames that are complete. Not to be called while an event is being looked at. */
  trim(): void {
    this.bytes = noBytes
    this.settings = []
    if (this.#state === State.payload || this.#blockStream !== 0) return
    this.#gathered.reset()
    this.#block.reset()
  }

  /** One step of the machine; undefined when another can follow. */
  #step(bytes: Buffer, end: number): FrameEvent | undefined {
    switch (this.#state) {
      case State.preface:
        return this.#readPreface(bytes, end)
      case State.header:
        return this.#readHeader(bytes, end)
      case State.payload:
        return this.#readPayload(bytes, end)
      case State.padLength:
        return this.#readPadLength(bytes, end)
      case State.data:
        return this.#readData(bytes, end)
      case State.skip:
        return this.#skip(end)
      default:
        this.position = end
        return FrameEvent.connectionError
    }
  }

  #readPreface(bytes: Buffer, end: number): FrameEvent | undefined {
    while (this.#matched < preface.length) {
      if (this.position >= end) return FrameEvent.more
      if (bytes[this.position] !== preface[this.#matched]) return this.#fail(ErrorCode.protocolError)
      this.position += 1
      this.#matched += 1
    }
    this.#state = State.header
    return undefined
  }

  #readHeader(bytes: Buffer, end: number): FrameEvent | undefined {
    const start = this.position
    if (this.#headerLength === 0 && end - start >= frameHeaderBytes) {
      this.position = start + frameHeaderBytes
      return this.#begin(bytes, start)
    }
    const taken = Math.min(frameHeaderBytes - this.#headerLength, end - start)
    bytes.copy(this.#header, this.#headerLength, start, start + taken)
    this.#headerLength += taken
    this.position = start + taken
    if (this.#headerLength < frameHeaderBytes) return FrameEvent.more
    this.#headerLength = 0
    return this.#begin(this.#header, 0)
  }

  #begin(bytes: Buffer, at: number): FrameEvent | undefined {
    const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const type = bytes[at + 3] ?? 0
    const flags = bytes[at + 4] ?? 0
    // The reserved bit is ignored (section 4.1).
    const streamId =
      (((bytes[at + 5] ?? 0) & 0x7f) << 24) |
      ((bytes[at + 6] ?? 0) << 16) |
      ((bytes[at + 7] ?? 0) << 8) |
      (bytes[at + 8] ?? 0)
    this.frameType = type
    this.streamId = streamId
    this.#flags = flags
    this.#length = length
    this.#rest = length
    this.#padding = 0
    if (this.#first && (type !== FrameType.settings || (flags & FrameFlag.ack) !== 0)) {
      return this.#fail(ErrorCode.protocolError)
    }
    this.#first = false
    const continues = this.#blockStream !== 0
    if (continues !== (type === FrameType.continuation) || (continues && streamId !== this.#blockStream)) {
      return this.#fail(ErrorCode.protocolError)
    }
    // Most frames are such DATA and HEADERS, and need no closer look.
    const plain = type <= FrameType.headers && streamId !== 0 && (flags & (FrameFlag.padded | FrameFlag.priority)) === 0
    const verdict =
      plain && length <= this.#limits.frameBytes
        ? ErrorCode.noError
        : judgeFrameHeader({ type, flags, length, streamId }, this.#limits.frameBytes)
    if (verdict !== ErrorCode.noError) {
      this.#state = State.skip
      return this.#judged(verdict)
    }
    return this.#enter(type, flags)
  }

  #enter(type: number, flags: number): FrameEvent | undefined {
    switch (type) {
      case FrameType.data:
        this.#state = (flags & FrameFlag.padded) === 0 ? State.data : State.padLength
        return undefined
      case FrameType.continuation:
        this.#continuations += 1
        if (
          this.#continuations > this.#limits.continuations ||
          this.#block.length + this.#length > this.#limits.blockBytes
        ) {
          return this.#calm('inbound_continuation_flood')
        }
        this.#emptyFrames = this.#length === 0 && (flags & FrameFlag.endHeaders) === 0 ? this.#emptyFrames + 1 : 0
        if (this.#emptyFrames > this.#limits.emptyFrames) return this.#calm('inbound_empty_frames_flood')
        break
      case FrameType.settings:
        if (this.#length > this.#limits.settings * 6) return this.#calm('inbound_settings_flood')
        break
      default:
        if (type > FrameType.continuation) {
          this.#state = State.skip
          return FrameEvent.unknown
        }
    }
    this.#gathered.reset()
    this.#state = State.payload
    return undefined
  }

  #readPadLength(bytes: Buffer, end: number): FrameEvent | undefined {
    if (this.position >= end) return FrameEvent.more
    this.#padding = bytes[this.position] ?? 0
    this.position += 1
    this.#rest -= 1
    // Section 6.1.
    if (this.#padding > this.#rest) return this.#fail(ErrorCode.protocolError)
    this.#rest -= this.#padding
    this.#state = State.data
    return undefined
  }

  #readData(bytes: Buffer, end: number): FrameEvent | undefined {
    const taken = Math.min(this.#rest, end - this.position)
    if (taken === 0 && this.#rest > 0) return FrameEvent.more
    this.bytes = bytes
    this.dataStart = this.position
    this.dataEnd = this.position + taken
    this.position = this.dataEnd
    this.#rest -= taken
    this.flowBytes = this.#length
    this.paddingBytes = this.#length === 0 ? 0 : this.#length - taken - this.#rest
    this.#length = 0
    this.endStream = this.#rest === 0 && (this.#flags & FrameFlag.endStream) !== 0
    if (this.#rest === 0) {
      this.#rest = this.#padding
      this.#state = State.skip
    }
    return FrameEvent.data
  }

  #skip(end: number): FrameEvent | undefined {
    const taken = Math.min(this.#rest, end - this.position)
    this.position += taken
    this.#rest -= taken
    if (this.#rest > 0) return FrameEvent.more
    this.#state = State.header
    return undefined
  }

  #readPayload(bytes: Buffer, end: number): FrameEvent | undefined {
    const start = this.position
    const taken = Math.min(this.#rest, end - start)
    this.position = start + taken
    // A payload that is here whole is not copied.
    if (taken === this.#length) {
      this.#state = State.header
      return this.#complete(bytes, start)
    }
    this.#gathered.add(bytes, start, this.position)
    this.#rest -= taken
    if (this.#rest > 0) return FrameEvent.more
    this.#state = State.header
    return this.#complete(this.#gathered.bytes, 0)
  }

  /** The payload of a frame other than DATA is at `bytes[at..at + #length)`. */
  #complete(bytes: Buffer, at: number): FrameEvent | undefined {
    this.bytes = bytes
    this.dataStart = at
    this.dataEnd = at + this.#length
    switch (this.frameType) {
      case FrameType.headers:
        return this.#headers(bytes, at)
      case FrameType.continuation:
        return this.#continuation(bytes, at)
      case FrameType.priority:
        if ((bytes.readUInt32BE(at) & maxUint31) !== this.streamId) return FrameEvent.priority
        return this.#judged(ErrorCode.protocolError | streamScope)
      case FrameType.rstStream:
        this.errorCode = bytes.readUInt32BE(at)
        return FrameEvent.rstStream
      case FrameType.settings:
        return this.#settings(bytes, at)
      case FrameType.ping:
        return (this.#flags & FrameFlag.ack) === 0 ? FrameEvent.ping : FrameEvent.pingAck
      case FrameType.goaway:
        this.lastStreamId = bytes.readUInt32BE(at) & maxUint31
        this.errorCode = bytes.readUInt32BE(at + 4)
        this.dataStart = at + 8
        return FrameEvent.goaway
      default:
        return this.#windowUpdate(bytes, at)
    }
  }

  /** Section 6.2. */
  #headers(bytes: Buffer, at: number): FrameEvent | undefined {
    const flags = this.#flags
    let start = at
    let end = at + this.#length
    if ((flags & FrameFlag.padded) !== 0) {
      end -= bytes[start] ?? 0
      start += 1
    }
    this.errorCode = ErrorCode.noError
    if ((flags & FrameFlag.priority) !== 0) {
      // That a stream depends on itself is an error of RFC 7540 section 5.3.1, which peers still test for.
      if (end - start >= 5 && (bytes.readUInt32BE(start) & maxUint31) === this.streamId) {
        this.errorCode = ErrorCode.protocolError
      }
      start += 5
    }
    if (start > end) return this.#fail(ErrorCode.protocolError)
    if (end - start > this.#limits.blockBytes) return this.#calm('header_overflow')
    this.endStream = (flags & FrameFlag.endStream) !== 0
    this.dataStart = start
    this.dataEnd = end
    if ((flags & FrameFlag.endHeaders) !== 0) return FrameEvent.headers
    this.#blockStream = this.streamId
    this.#blockEndsStream = this.endStream
    this.#blockError = this.errorCode
    this.#continuations = 0
    this.#emptyFrames = start === end ? 1 : 0
    this.#block.reset()
    this.#block.add(bytes, start, end)
    return undefined
  }

  /** Section 6.10. */
  #continuation(bytes: Buffer, at: number): FrameEvent | undefined {
    this.#block.add(bytes, at, at + this.#length)
    if ((this.#flags & FrameFlag.endHeaders) === 0) return undefined
    this.#blockStream = 0
    this.endStream = this.#blockEndsStream
    this.errorCode = this.#blockError
    this.bytes = this.#block.bytes
    this.dataStart = 0
    this.dataEnd = this.#block.length
    return FrameEvent.headers
  }

  /** Section 6.5. */
  #settings(bytes: Buffer, at: number): FrameEvent {
    if ((this.#flags & FrameFlag.ack) !== 0) return FrameEvent.settingsAck
    const settings: Setting[] = []
    for (let position = at; position < at + this.#length; position += 6) {
      const setting = { id: bytes.readUInt16BE(position), value: bytes.readUInt32BE(position + 2) }
      const verdict = judgeSetting(setting, this.#role)
      if (verdict !== ErrorCode.noError) return this.#fail(verdict)
      settings.push(setting)
    }
    this.settings = settings
    return FrameEvent.settings
  }

  /** Section 6.9. */
  #windowUpdate(bytes: Buffer, at: number): FrameEvent {
    this.increment = bytes.readUInt32BE(at) & maxUint31
    if (this.increment > 0) return FrameEvent.windowUpdate
    return this.#judged(ErrorCode.protocolError | (this.streamId === 0 ? 0 : streamScope))
  }

  #judged(verdict: number): FrameEvent {
    if ((verdict & streamScope) === 0) return this.#fail(verdict)
    this.errorCode = verdict & ~streamScope
    this.flowBytes = this.frameType === FrameType.data ? this.#length : 0
    return FrameEvent.streamError
  }

  #calm(flood: string): FrameEvent {
    this.flood = flood
    return this.#fail(ErrorCode.enhanceYourCalm)
  }

  #fail(code: number): FrameEvent {
    this.#state = State.closed
    this.errorCode = code
    return FrameEvent.connectionError
  }
}
