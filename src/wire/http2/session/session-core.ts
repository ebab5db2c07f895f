import { ErrorCode } from '../frames/error-code.ts'
import { maxUint31 } from '../frames/frame-type.ts'
import { FrameWriter } from '../frames/frame-writer.ts'
import type { Role } from '../frames/setting.ts'
import type { SessionLimits } from '../limits.ts'
import { ClosedStreams, Ending } from './closed-streams.ts'
import type { SessionOwner } from './contract.ts'
import { FloodGuard } from './flood-guard.ts'
import { firstWindowBytes, PeerSettings } from './peer-settings.ts'
import { type Http2Stream, StreamBit } from './stream.ts'

/**
 * What the parts of a session share: its streams and their ends, the output, the connection's windows, failure. Streams end here only:
 *
 *     open -> (remoteEnded, localEnded in any order) -> ended
 *     open -> resetByUs, for the owner or for a fault of the peer
 *     open -> resetByPeer
 *     all  -> lost, with the connection
 *
 * A stream leaves the table before anyone is told, so that callbacks may call anything.
 */
export class SessionCore {
  readonly role: Role
  readonly owner: SessionOwner
  readonly limits: SessionLimits
  readonly writer = new FrameWriter()
  readonly guard: FloodGuard
  readonly peer = new PeerSettings()
  /** Streams that are not closed. */
  readonly streams = new Map<number, Http2Stream>()
  readonly closedStreams: ClosedStreams
  /** Nothing is read or sent any more. */
  failed = false
  /** Connection: what the peer lets us send. */
  sendWindow: number = firstWindowBytes
  /** Connection: what we let the peer send. */
  receiveWindow: number = firstWindowBytes
  /** Connection: received and not consumed. */
  unconsumed = 0
  /** Connection: consumed, and not yet given back to the peer. */
  owed = 0
  /** Server: the highest stream that was handed out. */
  lastPeerStreamId = 0
  /** Server: the highest stream that the peer named, refused ones included. */
  highestPeerId = 0
  /** Server: streams above are ignored, after GOAWAY. */
  lastAcceptedId: number = maxUint31
  /** Client: the id of the next stream. */
  nextStreamId = 1
  /** The peer goes by our settings. */
  settingsAcknowledged = false
  goawaySent = false
  goawayReceived = false
  /** Client: what the last GOAWAY of the server lets stand. */
  goawayLastId: number = maxUint31
  #outputTold = false
  #capacityDue = false
  #tellingCapacity = false

  constructor(role: Role, owner: SessionOwner, { limits, now }: { limits: SessionLimits; now: () => number }) {
    this.role = role
    this.owner = owner
    this.limits = limits
    this.guard = new FloodGuard(limits, now)
    this.closedStreams = new ClosedStreams(limits.closedStreams)
  }

  /** Frames were written: the owner must know if there were none before. */
  wrote(): void {
    if (this.#outputTold || this.failed) return
    this.#outputTold = true
    this.owner.onOutput()
  }

  /** The owner has taken the output. */
  clearOutput(): void {
    this.#outputTold = false
    this.writer.shrink(this.limits.keptOutputBytes)
  }

  /** True if the stream was never opened, by whoever may. */
  isIdle(id: number): boolean {
    // Streams of even ids are the server's, and we neither push nor are pushed to.
    if ((id & 1) === 0) return true
    return this.role === 'server' ? id > this.highestPeerId : id >= this.nextStreamId
  }

  /** Closes a stream that both sides ended. */
  closeIfEnded(stream: Http2Stream): void {
    const both = StreamBit.remoteEnded | StreamBit.localEnded
    if ((stream.bits & (both | StreamBit.closed)) !== both) return
    if (this.role === 'server') this.guard.streamCompleted()
    this.#forget(stream, Ending.ended)
    this.#tellRoom()
  }

  /** Resets a stream as its owner wishes, who is not told. */
  resetByOwner(stream: Http2Stream, errorCode: number): void {
    if (stream.closed || this.failed) return
    // One that the peer never heard of is skipped: a later id says that it is closed.
    if (this.role === 'server' || (stream.bits & StreamBit.headSent) !== 0) this.writer.rstStream(stream.id, errorCode)
    this.#forget(stream, Ending.resetByUs)
    this.wrote()
    this.#tellRoom()
  }

  /** Resets a stream on which the peer broke a rule. */
  resetForFault(stream: Http2Stream, errorCode: number): void {
    if (stream.closed) return
    const { owner } = stream
    this.#countCaused(stream.localEnded)
    this.writer.rstStream(stream.id, errorCode)
    this.#forget(stream, Ending.resetByUs)
    this.wrote()
    owner?.onReset(stream, errorCode, false)
    this.#tellRoom()
  }

  /** Answers a frame on a stream that is not open by a reset. */
  resetAbsent(id: number, errorCode: number): void {
    this.#countCaused(false)
    this.writer.rstStream(id, errorCode)
    this.closedStreams.add(id, Ending.resetByUs)
    this.wrote()
  }

  /** Answers HEADERS that open one stream too many. */
  refuse(id: number): void {
    // Before the peer knows the limit it is no fault.
    if (this.settingsAcknowledged) this.#countCaused(false)
    this.writer.rstStream(id, ErrorCode.refusedStream)
    this.closedStreams.add(id, Ending.resetByUs)
    this.wrote()
  }

  /** The peer gave up a stream. */
  resetByPeer(stream: Http2Stream, errorCode: number): void {
    const { owner } = stream
    if (this.role === 'server' && !stream.localEnded) this.guard.resetReceived()
    this.#forget(stream, Ending.resetByPeer)
    owner?.onReset(stream, errorCode, true)
    this.#tellRoom()
  }

  /** The peer broke a rule of the connection: says so, ends every stream, and reads nothing more. */
  fail(errorCode: number, counter: string): void {
    if (this.failed) return
    this.writer.goaway(Math.min(this.lastPeerStreamId, this.lastAcceptedId), errorCode)
    this.goawaySent = true
    this.wrote()
    this.closeAll(errorCode)
    this.owner.onFailure(errorCode, counter)
  }

  /** Ends every stream, one after the other, without a frame. */
  closeAll(errorCode: number): void {
    this.failed = true
    this.resetAbove(0, errorCode, false)
  }

  /** Ends every stream above an id, one after the other, without a frame. */
  resetAbove(lastId: number, errorCode: number, byPeer: boolean): void {
    for (const stream of [...this.streams.values()]) {
      // A callback may have closed it.
      if (stream.id <= lastId || stream.closed) continue
      const { owner } = stream
      this.#forget(stream, Ending.resetByPeer)
      owner?.onReset(stream, errorCode, byPeer)
    }
    this.#tellRoom()
  }

  /** Octets of DATA count against the connection's window; false if they are more than it. */
  receive(octets: number): boolean {
    if (octets > this.receiveWindow) return false
    this.receiveWindow -= octets
    this.unconsumed += octets
    return true
  }

  /** Gives octets back to the connection's window. */
  giveBack(octets: number): void {
    if (octets === 0) return
    this.unconsumed -= octets
    if (this.unconsumed === 0) this.guard.consumedAll()
    this.owed += octets
    if (this.failed || this.owed * 2 < this.limits.connectionWindowBytes) return
    this.receiveWindow += this.owed
    this.writer.windowUpdate(0, this.owed)
    this.owed = 0
    this.wrote()
  }

  /** The number of streams that may be opened may have changed. Calls do not nest: an owner may open and reset within. */
  tellCapacity(): void {
    this.#capacityDue = true
    if (this.#tellingCapacity) return
    this.#tellingCapacity = true
    while (this.#capacityDue && !this.failed) {
      this.#capacityDue = false
      this.owner.onCapacity()
    }
    this.#tellingCapacity = false
  }

  #countCaused(answered: boolean): void {
    if (this.role !== 'server') return
    this.guard.glitch()
    if (!answered) this.guard.resetCaused()
  }

  #forget(stream: Http2Stream, ending: Ending): void {
    stream.bits |= StreamBit.closed
    stream.owner = undefined
    stream.list?.remove(stream)
    stream.dropAllKept()
    stream.dropTrailers()
    this.streams.delete(stream.id)
    this.closedStreams.add(stream.id, ending)
    const { unconsumed } = stream
    stream.unconsumed = 0
    this.giveBack(unconsumed)
  }

  #tellRoom(): void {
    if (this.failed) return
    if (this.role === 'client') this.tellCapacity()
    if (this.streams.size === 0 && !this.failed) this.owner.onIdle()
  }
}
