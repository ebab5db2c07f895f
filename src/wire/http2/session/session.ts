import { invariant } from '../../../base/index.ts'
import { ErrorCode } from '../frames/error-code.ts'
import { FrameEvent, FrameReader } from '../frames/frame-reader.ts'
import { maxUint31 } from '../frames/frame-type.ts'
import { type Role, type Setting, SettingId } from '../frames/setting.ts'
import { HpackDecoder } from '../hpack/decoder.ts'
import { HpackEncoder } from '../hpack/encoder.ts'
import {
  defaultFrameLimits,
  defaultHpackLimits,
  defaultSessionLimits,
  type FrameLimits,
  type HpackLimits,
  type SessionLimits,
} from '../limits.ts'
import type { SessionOwner, StreamOwner } from './contract.ts'
import { DataReceiver } from './data-receiver.ts'
import { DataSender } from './data-sender.ts'
import { FrameHandler } from './frame-handler.ts'
import { HeadReceiver } from './head-receiver.ts'
import { firstWindowBytes, type PeerSettings } from './peer-settings.ts'
import { SessionCore } from './session-core.ts'
import { Http2Stream, StreamBit } from './stream.ts'

const noNames: readonly string[] = []

/** What a session is made with. */
export interface SessionOptions {
  readonly limits?: Partial<SessionLimits>
  readonly hpack?: Partial<HpackLimits>
  readonly frames?: Partial<FrameLimits>
  /** Server: takes extended CONNECT (RFC 8441), and says so. Default false. */
  readonly connectProtocol?: boolean
  /** Monotonic clock, milliseconds. */
  readonly now: () => number
}

/**
 * One HTTP/2 connection (RFC 9113) without its socket: octets in by `receive`, octets out by `output`, streams to their owners.
 *
 * The owner writes `output[0..outputLength)` to the socket and calls `clearOutput`; if the socket does not take all, it calls
 * `setWritable(false)` before, so that DATA waits. Not reentrant: no callback may call `receive`; all else may be called from any.
 * Every fault of the peer is answered by the code and the scope that the RFC names; none is thrown.
 */
export class Http2Session {
  readonly #core: SessionCore
  readonly #reader: FrameReader
  readonly #encoder: HpackEncoder
  readonly #data: DataReceiver
  readonly #sender: DataSender
  readonly #handler: FrameHandler
  readonly #hpack: HpackLimits
  readonly #frames: FrameLimits
  readonly #connectProtocol: boolean

  constructor(role: Role, owner: SessionOwner, options: SessionOptions) {
    const limits: SessionLimits = { ...defaultSessionLimits, ...options.limits }
    this.#hpack = { ...defaultHpackLimits, ...options.hpack }
    this.#frames = { ...defaultFrameLimits, ...options.frames }
    this.#connectProtocol = options.connectProtocol === true
    this.#core = new SessionCore(role, owner, { limits, now: options.now })
    this.#reader = new FrameReader(role, this.#frames)
    this.#encoder = new HpackEncoder(this.#hpack)
    this.#data = new DataReceiver(this.#core, this.#reader)
    this.#sender = new DataSender(this.#core, this.#encoder)
    const decoder = new HpackDecoder(this.#hpack)
    const shared = { core: this.#core, reader: this.#reader, decoder, data: this.#data }
    const rules = { connectProtocol: this.#connectProtocol, authorityBytes: limits.authorityBytes }
    const heads = new HeadReceiver(this.#core, { ...shared, rules })
    const { tableBytes } = this.#hpack
    this.#handler = new FrameHandler({ ...shared, encoder: this.#encoder, sender: this.#sender, heads, tableBytes })
  }

  /** Puts the preface and our settings into the output; to be called once, first. */
  start(): void {
    const { role, limits, writer } = this.#core
    if (role === 'client') writer.preface()
    writer.settings(this.#settings())
    const more = limits.connectionWindowBytes - firstWindowBytes
    if (more > 0) {
      writer.windowUpdate(0, more)
      this.#core.receiveWindow += more
    }
    this.#core.wrote()
  }

  /** Composed frames are `output[0..outputLength)`; valid until `clearOutput`, or anything that composes more. */
  get output(): Buffer {
    return this.#core.writer.bytes
  }

  get outputLength(): number {
    return this.#core.writer.length
  }

  /** The output was taken; what waited for room goes on. May bring `onOutput` and `onWritable` within. */
  clearOutput(): void {
    const core = this.#core
    const choked = this.#isChoked()
    core.clearOutput()
    this.#sender.serve()
    if (choked && core.role === 'client' && !core.failed) core.tellCapacity()
  }

  /** Lets go of buffers that only a busy connection needs; to be called when it has been idle for a while. Does nothing while `output` holds frames. */
  trim(): void {
    const { writer, limits } = this.#core
    if (writer.length === 0) writer.shrink(limits.idleOutputBytes)
    this.#reader.trim()
  }

  /** Reads `bytes[start..end)`, and tells owners. Nothing of `bytes` is kept. */
  receive(bytes: Buffer, start: number, end: number): void {
    const core = this.#core
    let position = start
    while (!core.failed) {
      const event = this.#reader.next(bytes, position, end)
      position = this.#reader.position
      if (event === FrameEvent.more) return
      this.#handler.handle(event)
      core.guard.output(core.writer)
      if (core.guard.exceeded !== '') core.fail(ErrorCode.enhanceYourCalm, core.guard.exceeded)
    }
  }

  /** Client: streams that may be opened now. */
  get capacity(): number {
    const { role, failed, goawaySent, goawayReceived, nextStreamId, peer, limits, streams } = this.#core
    if (role === 'server' || failed || goawaySent || goawayReceived || this.#isChoked()) return 0
    const allowed = Math.min(peer.maxConcurrentStreams, limits.maxConcurrentStreams) - streams.size
    return Math.max(0, Math.min(allowed, (maxUint31 + 1 - nextStreamId) / 2))
  }

  /**
   * Client: opens a stream; its head must follow before another one is opened.
   *
   * @throws {BugError} When there is no capacity.
   */
  open(owner: StreamOwner): Http2Stream {
    invariant(this.capacity > 0, 'A stream is opened where none may be')
    const core = this.#core
    const stream = new Http2Stream(core.nextStreamId, core.peer.initialWindow, this.#data.initialWindow)
    stream.owner = owner
    core.nextStreamId += 2
    core.guard.openedStreams += 1
    core.streams.set(stream.id, stream)
    return stream
  }

  /** Begins a head: fields are to be given to the encoder, then `endHead` be called, with nothing else between. */
  beginHead(): HpackEncoder {
    this.#encoder.begin()
    return this.#encoder
  }

  /**
   * Sends the head that was begun: a request, a response 1xx or a final one. Trailers, with `endStream`, only if nothing waits.
   *
   * @throws {BugError} When the stream is closed, or our side of it has ended, or DATA waits.
   */
  endHead(stream: Http2Stream, endStream: boolean): void {
    const core = this.#core
    // The encoder's table has changed: a block that is not sent would be missed by every later one.
    invariant(!stream.sealed && stream.waiting === 0, 'A head comes after its stream has ended, or before its data')
    core.writer.headersRange(stream.id, this.#encoder.bytes, 0, this.#encoder.length, endStream)
    stream.bits |= endStream ? StreamBit.headSent | StreamBit.localEnded : StreamBit.headSent
    core.wrote()
    if (endStream) core.closeIfEnded(stream)
  }

  /**
   * Sends trailers, which end our side, behind all DATA. Ignored when the stream is closed, or our side of it has ended.
   *
   * @param never Names of fields that were received as never to be indexed (RFC 7541 section 7.1.3).
   */
  sendTrailers(
    stream: Http2Stream,
    names: readonly string[],
    values: readonly string[],
    never: readonly string[] = noNames,
  ): void {
    if (stream.sealed) return
    stream.trailerNames = names
    stream.trailerValues = values
    stream.trailerNever = never
    this.#sender.sendTrailers(stream)
  }

  /**
   * Sends `bytes[start..end)` as DATA, as far as windows and socket allow; copies the rest, which follows by itself. Empty DATA is sent
   * only to end the stream. Ignored when the stream is closed, or our side of it has ended.
   *
   * @returns False when something waits, or the output is full: the owner had better send more after `onWritable` only.
   */
  sendData(stream: Http2Stream, bytes: Uint8Array, start: number, end: number, endStream: boolean): boolean {
    return this.#sender.send(stream, bytes, start, end, endStream)
  }

  /** `octets` of what `onData` gave are passed on: the peer may send as much again. What a stream does not consume is given back at its end. */
  consume(stream: Http2Stream, octets: number): void {
    this.#data.consume(stream, octets)
  }

  /** Whether the socket takes more. While not, DATA waits; all else still goes to the output. */
  setWritable(writable: boolean): void {
    this.#sender.setWritable(writable)
  }

  /** Gives up a stream by RST_STREAM; its owner is told nothing any more. Nothing happens when it is closed. */
  reset(stream: Http2Stream, errorCode: number): void {
    this.#core.resetByOwner(stream, errorCode)
  }

  /** Server: announces that the connection will end soon; streams that are on their way are still taken (RFC 9113 section 6.8). */
  drain(): void {
    this.#goaway(this.#core.lastAcceptedId, ErrorCode.noError)
  }

  /** Sends GOAWAY: streams of the peer above `lastStreamId`, by default the last that was handed out, are ignored from now on. */
  goaway(errorCode: number, lastStreamId: number = this.#core.lastPeerStreamId): void {
    this.#goaway(Math.min(lastStreamId, this.#core.lastAcceptedId), errorCode)
    this.#core.lastAcceptedId = Math.min(lastStreamId, this.#core.lastAcceptedId)
  }

  /** The socket is gone: every stream is told `onReset`, and nothing more happens. */
  destroy(errorCode: number): void {
    if (this.#core.failed) return
    this.#core.closeAll(errorCode)
    this.#core.clearOutput()
  }

  /** Sends PING with eight octets, which `onPong` gives back. */
  ping(payload: Uint8Array): void {
    if (this.#core.failed) return
    this.#core.writer.ping(payload)
    this.#core.wrote()
  }

  /** Streams that are not closed. */
  get activeStreams(): number {
    return this.#core.streams.size
  }

  /** Streams that were opened so far. */
  get openedStreams(): number {
    return this.#core.guard.openedStreams
  }

  /** Server: the latest stream that was handed out; 0 before the first. */
  get lastPeerStreamId(): number {
    return this.#core.lastPeerStreamId
  }

  /** What the peer told; read only. */
  get peerSettings(): Readonly<PeerSettings> {
    return this.#core.peer
  }

  /** The peer has acknowledged our settings; one that never does may be closed with `settingsTimeout`. */
  get settingsAcknowledged(): boolean {
    return this.#core.settingsAcknowledged
  }

  get goawayReceived(): boolean {
    return this.#core.goawayReceived
  }

  get goawaySent(): boolean {
    return this.#core.goawaySent
  }

  /** `onFailure` was told, or `destroy` called. */
  get failed(): boolean {
    return this.#core.failed
  }

  /** So much waits for the socket that more requests would make it overflow. */
  #isChoked(): boolean {
    return this.#core.writer.length * 2 >= this.#core.limits.outputOverflowBytes
  }

  #goaway(lastStreamId: number, errorCode: number): void {
    const core = this.#core
    if (core.failed) return
    core.writer.goaway(lastStreamId, errorCode)
    core.goawaySent = true
    core.wrote()
    if (core.role === 'client') core.tellCapacity()
  }

  #settings(): readonly Setting[] {
    const { role, limits } = this.#core
    const settings: Setting[] = [
      { id: SettingId.initialWindowSize, value: limits.streamWindowBytes },
      { id: SettingId.maxHeaderListSize, value: this.#hpack.sectionBytes },
    ]
    if (this.#hpack.tableBytes !== defaultHpackLimits.tableBytes) {
      settings.push({ id: SettingId.headerTableSize, value: this.#hpack.tableBytes })
    }
    if (this.#frames.frameBytes !== defaultFrameLimits.frameBytes) {
      settings.push({ id: SettingId.maxFrameSize, value: this.#frames.frameBytes })
    }
    if (role === 'client') {
      settings.push({ id: SettingId.enablePush, value: 0 })
    } else {
      settings.push({ id: SettingId.maxConcurrentStreams, value: limits.maxConcurrentStreams })
      if (this.#connectProtocol) settings.push({ id: SettingId.enableConnectProtocol, value: 1 })
    }
    return settings
  }
}
