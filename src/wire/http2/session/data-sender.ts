import { invariant } from '../../../base/index.ts'
import type { HpackEncoder } from '../hpack/encoder.ts'
import { Indexing } from '../hpack/indexing-policy.ts'
import type { SessionCore } from './session-core.ts'
import { type Http2Stream, StreamBit } from './stream.ts'
import { StreamList } from './stream-list.ts'

/**
 * Sends DATA within both windows, and while the socket takes it (RFC 9113 section 5.2). What does not go waits in its stream; streams
 * with something to send take turns, a frame each.
 */
export class DataSender {
  readonly #core: SessionCore
  readonly #encoder: HpackEncoder
  /** Streams with octets that wait and a window of their own. */
  readonly #ready = new StreamList()
  /** Streams whose octets are all in the output, which was full. */
  readonly #full = new StreamList()
  #writable = true
  #serving = false
  /** Whose turn it is: neither list may starve the other. */
  #fullFirst = true

  constructor(core: SessionCore, encoder: HpackEncoder) {
    this.#core = core
    this.#encoder = encoder
  }

  /** Socket's back pressure. */
  setWritable(writable: boolean): void {
    this.#writable = writable
    if (writable) this.serve()
  }

  /** Sends `bytes[start..end)`, or keeps a copy of what cannot go. False if the owner of the stream is to wait for `onWritable`. */
  send(stream: Http2Stream, bytes: Uint8Array, start: number, end: number, endStream: boolean): boolean {
    if (stream.sealed) return true
    invariant((stream.bits & StreamBit.headSent) !== 0, 'DATA comes before its head')
    const core = this.#core
    let position = start
    if (stream.waiting === 0) {
      // Behind a full output pieces wait together and leave as few frames: somebody's many small ones never become a flood of ours.
      const last = this.#open() ? end : start
      while (this.#writable && position < last) {
        const length = this.#frameLength(stream, end - position)
        if (length <= 0) break
        this.#frame(stream, bytes, position, position + length, endStream && position + length === end)
        position += length
      }
      if (endStream && start === end) this.#frame(stream, bytes, start, start, true)
      // An owner may write to the socket within: only then is it known how full the output is.
      if (position > start || stream.localEnded) core.wrote()
      if (stream.closed) return true
      if (position === end) return this.#sent(stream)
    }
    stream.keep(bytes, position, end)
    stream.bits |= endStream ? StreamBit.endsAfterWaiting | StreamBit.toldToWait : StreamBit.toldToWait
    this.#full.remove(stream)
    if (stream.sendWindow > 0) this.#ready.push(stream)
    return false
  }

  /** Sends the trailers that the stream holds, which end our side, behind what waits. */
  sendTrailers(stream: Http2Stream): void {
    if (stream.sealed) return
    invariant((stream.bits & StreamBit.headSent) !== 0, 'Trailers come before their head')
    if (stream.waiting > 0) {
      stream.bits |= StreamBit.endsAfterWaiting
      return
    }
    this.#trailers(stream)
    this.#core.wrote()
    this.#core.closeIfEnded(stream)
  }

  /** The window of a stream has grown. */
  widened(stream: Http2Stream): void {
    if (stream.waiting === 0 || stream.sendWindow <= 0) return
    this.#ready.push(stream)
    this.serve()
  }

  /** All windows of streams have changed by `delta`. */
  shifted(delta: number): void {
    for (const stream of this.#core.streams.values()) {
      stream.sendWindow += delta
      if (stream.waiting > 0 && stream.sendWindow > 0) this.#ready.push(stream)
    }
  }

  /** Sends what waits, as far as it may go. */
  serve(): void {
    // What is called back may bring about what this is called for; the loop below sees it.
    if (this.#serving) return
    this.#serving = true
    const core = this.#core
    while (this.#open()) {
      const mayServe = core.sendWindow > 0 && this.#ready.first !== undefined
      const full = this.#fullFirst || !mayServe ? this.#full.shift() : undefined
      this.#fullFirst = full === undefined
      if (full !== undefined) {
        this.#tell(full)
        continue
      }
      const ready = mayServe ? this.#ready.shift() : undefined
      if (ready === undefined) break
      this.#serveOne(ready)
    }
    this.#serving = false
  }

  /** All octets of a stream are in the output; false if that is full. */
  #sent(stream: Http2Stream): boolean {
    const { writer, limits } = this.#core
    if (stream.localEnded) {
      this.#core.closeIfEnded(stream)
      return true
    }
    if (writer.length < limits.outputBytes) return true
    stream.bits |= StreamBit.toldToWait
    this.#full.push(stream)
    return false
  }

  #open(): boolean {
    const { failed, writer, limits } = this.#core
    return this.#writable && !failed && writer.length < limits.outputBytes
  }

  #serveOne(stream: Http2Stream): void {
    const length = this.#frameLength(stream, stream.waiting)
    // Settings took its window away; `widened` or `shifted` bring it back.
    if (length <= 0) return
    const last = length === stream.waiting
    const ends = last && (stream.bits & StreamBit.endsAfterWaiting) !== 0
    const trailers = stream.trailerNames
    const { kept, keptStart } = stream
    this.#frame(stream, kept, keptStart, keptStart + length, ends && trailers === undefined)
    stream.dropKept(length)
    if (!last) {
      if (stream.sendWindow > 0) this.#ready.push(stream)
    } else if (trailers !== undefined) {
      this.#trailers(stream)
    }
    this.#core.wrote()
    if (last) this.#tell(stream)
  }

  #tell(stream: Http2Stream): void {
    if ((stream.bits & StreamBit.toldToWait) !== 0) {
      stream.bits &= ~StreamBit.toldToWait
      stream.owner?.onWritable(stream)
    }
    this.#core.closeIfEnded(stream)
  }

  /** Octets of the next DATA frame of a stream; 0 or less when a window is used up. */
  #frameLength(stream: Http2Stream, octets: number): number {
    const { sendWindow, peer, limits } = this.#core
    return Math.min(octets, stream.sendWindow, sendWindow, peer.maxFrameBytes, limits.dataFrameBytes)
  }

  #frame(stream: Http2Stream, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const core = this.#core
    core.writer.dataRange(stream.id, bytes, start, end, endStream)
    stream.sendWindow -= end - start
    core.sendWindow -= end - start
    core.guard.dataFramesSent += 1
    if (endStream) stream.bits |= StreamBit.localEnded
  }

  #trailers(stream: Http2Stream): void {
    const encoder = this.#encoder
    const { trailerNames: names = [], trailerValues, trailerNever } = stream
    encoder.begin()
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index] ?? ''
      encoder.field(name, trailerValues[index] ?? '', trailerNever.includes(name) ? Indexing.never : undefined)
    }
    stream.dropTrailers()
    this.#core.writer.headersRange(stream.id, encoder.bytes, 0, encoder.length, true)
    stream.bits |= StreamBit.localEnded
  }
}
