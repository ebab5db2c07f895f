import { BugError, invariant } from '../../../base/index.ts'
import { connectionPreface, FrameFlag, frameHeaderBytes, FrameType, maxUint31, minMaxFrameBytes } from './frame-type.ts'
import type { Setting } from './setting.ts'

const firstCapacity = 1024

/**
 * Writes frames into one buffer, `bytes[0..length)`, so that what is due on a connection leaves in one write. Flow control and the
 * order of streams are for the owner to keep.
 */
export class FrameWriter {
  /** Grows when frames need it; its owner bounds how much waits. */
  bytes: Buffer = Buffer.allocUnsafeSlow(firstCapacity)
  length = 0
  /** The peer's `SETTINGS_MAX_FRAME_SIZE`: longer blocks are continued; longer DATA is a bug of the caller. */
  maxFrameBytes: number = minMaxFrameBytes
  /** Frames in `bytes`. */
  frames = 0
  /** PING, SETTINGS and RST_STREAM among them: what a peer can make us send. */
  controlFrames = 0

  /** Begins anew: what was written has been taken. */
  reset(): void {
    this.length = 0
    this.frames = 0
    this.controlFrames = 0
  }

  /** As `reset`; a buffer of more than `bytes` octets is let go. */
  shrink(bytes: number): void {
    this.reset()
    if (this.bytes.length > bytes) this.bytes = Buffer.allocUnsafeSlow(firstCapacity)
  }

  /** What a client sends first (RFC 9113 section 3.4); SETTINGS must follow. */
  preface(): void {
    this.#reserve(connectionPreface.length)
    this.length += this.bytes.latin1Write(connectionPreface, this.length)
  }

  /** DATA with `source[start..end)`, copied. */
  data(streamId: number, source: Uint8Array, { start = 0, end = source.length, endStream = false } = {}): void {
    this.dataRange(streamId, source, start, end, endStream)
  }

  /** As `data`, without an options object: for the path of each frame. */
  dataRange(streamId: number, source: Uint8Array, start: number, end: number, endStream: boolean): void {
    invariant(end - start <= this.maxFrameBytes, 'DATA is longer than the peer takes')
    this.#streamFrame(FrameType.data, endStream ? FrameFlag.endStream : 0, end - start, streamId)
    this.#copy(source, start, end)
  }

  /** The header of a DATA frame whose payload the caller sends by itself, right after. */
  dataHeader(streamId: number, length: number, { endStream = false } = {}): void {
    invariant(length <= this.maxFrameBytes, 'DATA is longer than the peer takes')
    assertStreamId(streamId)
    this.#reserve(frameHeaderBytes)
    this.#header(FrameType.data, endStream ? FrameFlag.endStream : 0, length, streamId)
  }

  /** HEADERS, and as many CONTINUATION as needed, with a whole block. Never padded, without priority. */
  headers(streamId: number, block: Uint8Array, { start = 0, end = block.length, endStream = false } = {}): void {
    this.headersRange(streamId, block, start, end, endStream)
  }

  /** As `headers`, without an options object. */
  headersRange(streamId: number, block: Uint8Array, start: number, end: number, endStream: boolean): void {
    let position = start
    let type: number = FrameType.headers
    let flags: number = endStream ? FrameFlag.endStream : 0
    do {
      const next = Math.min(end, position + this.maxFrameBytes)
      if (next === end) flags |= FrameFlag.endHeaders
      this.#streamFrame(type, flags, next - position, streamId)
      this.#copy(block, position, next)
      position = next
      type = FrameType.continuation
      flags = 0
    } while (position < end)
  }

  /** RST_STREAM with an `ErrorCode`. */
  rstStream(streamId: number, errorCode: number): void {
    this.#streamFrame(FrameType.rstStream, 0, 4, streamId)
    this.#uint32(errorCode)
  }

  /** SETTINGS; values are for the caller to choose within RFC 9113 section 6.5.2. */
  settings(settings: readonly Setting[]): void {
    this.#frame(FrameType.settings, 0, settings.length * 6, 0)
    for (const { id, value } of settings) {
      this.length = this.bytes.writeUInt16BE(id, this.length)
      this.#uint32(value)
    }
  }

  /** Acknowledges the peer's SETTINGS. */
  settingsAck(): void {
    this.#frame(FrameType.settings, FrameFlag.ack, 0, 0)
  }

  /** PING with eight octets at `source[start]`. */
  ping(source: Uint8Array, start = 0): void {
    this.#ping(0, source, start)
  }

  /** Answers a PING with the eight octets that it had. */
  pingAck(source: Uint8Array, start = 0): void {
    this.#ping(FrameFlag.ack, source, start)
  }

  /** GOAWAY: streams above `lastStreamId` were not and will not be processed. */
  goaway(lastStreamId: number, errorCode: number, debug = ''): void {
    this.#frame(FrameType.goaway, 0, 8 + debug.length, 0)
    this.#uint32(lastStreamId)
    this.#uint32(errorCode)
    this.length += this.bytes.latin1Write(debug, this.length)
  }

  /** WINDOW_UPDATE; stream 0 is the connection. */
  windowUpdate(streamId: number, increment: number): void {
    if (increment <= 0 || increment > maxUint31) throw new BugError(`A window cannot grow by ${increment}`)
    this.#frame(FrameType.windowUpdate, 0, 4, streamId)
    this.#uint32(increment)
  }

  #ping(flags: number, source: Uint8Array, start: number): void {
    invariant(source.length >= start + 8, 'A PING has eight octets')
    this.#frame(FrameType.ping, flags, 8, 0)
    this.#copy(source, start, start + 8)
  }

  #streamFrame(type: number, flags: number, length: number, streamId: number): void {
    assertStreamId(streamId)
    this.#frame(type, flags, length, streamId)
  }

  /** The header, and room for the payload. */
  #frame(type: number, flags: number, length: number, streamId: number): void {
    this.#reserve(frameHeaderBytes + length)
    this.#header(type, flags, length, streamId)
  }

  /** RFC 9113 section 4.1. */
  #header(type: number, flags: number, length: number, streamId: number): void {
    const { bytes, length: at } = this
    bytes[at] = length >>> 16
    bytes[at + 1] = length >>> 8
    bytes[at + 2] = length
    bytes[at + 3] = type
    bytes[at + 4] = flags
    bytes[at + 5] = streamId >>> 24
    bytes[at + 6] = streamId >>> 16
    bytes[at + 7] = streamId >>> 8
    bytes[at + 8] = streamId
    this.length = at + frameHeaderBytes
    this.frames += 1
    if (type === FrameType.rstStream || type === FrameType.ping || type === FrameType.settings) this.controlFrames += 1
  }

  #uint32(value: number): void {
    this.length = this.bytes.writeUInt32BE(value, this.length)
  }

  #copy(source: Uint8Array, start: number, end: number): void {
    // Buffer.copy makes no view; what sockets deliver is a Buffer.
    if (source instanceof Buffer) source.copy(this.bytes, this.length, start, end)
    else this.bytes.set(source.subarray(start, end), this.length)
    this.length += end - start
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }
}

function assertStreamId(streamId: number): void {
  // The text is made only when it is needed: this is called for each frame.
  if (streamId <= 0 || streamId > maxUint31) throw new BugError(`${streamId} is no identifier of a stream`)
}
