import type { StreamOwner } from './contract.ts'
import type { StreamList } from './stream-list.ts'

/** What a stream has behind it (`Http2Stream.bits`). */
export const StreamBit = {
  /** The peer's END_STREAM has come. */
  remoteEnded: 0x01,
  /** Our END_STREAM is in the output. */
  localEnded: 0x02,
  /** Nothing goes either way any more. */
  closed: 0x04,
  /** Our first HEADERS are in the output. */
  headSent: 0x08,
  /** The request, or the final response, has come. */
  headReceived: 0x10,
  /** CONNECT: DATA is all that may follow (RFC 9113 section 8.5). */
  tunnel: 0x20,
  /** END_STREAM follows what waits. */
  endsAfterWaiting: 0x40,
  /** `sendData` answered false: `onWritable` is due. */
  toldToWait: 0x80,
} as const

const noBytes = Buffer.alloc(0)
const noNames: readonly string[] = []

/**
 * One stream of a session (RFC 9113 section 5). All but the members that are said to be for its owner is the session's.
 */
export class Http2Stream {
  /** For the owner to read. */
  readonly id: number
  /** Who is told; undefined when the stream is closed. */
  owner: StreamOwner | undefined
  /** Client: the request is HEAD, so that a `content-length` of the response says nothing of DATA. The owner sets it after `open`. */
  headRequest = false
  /** Client: the request is CONNECT. The owner sets it after `open`. */
  connectRequest = false
  /** Octets of DATA that wait for a window, or for the socket. */
  waiting = 0

  /** `StreamBit`s. */
  bits = 0
  /** What the peer lets us send; negative after its settings shrank. */
  sendWindow: number
  /** What we let the peer send. */
  receiveWindow: number
  /** Received, padding included, and not consumed. */
  unconsumed = 0
  /** Consumed, and not yet given back to the peer. */
  owed = 0
  /** What `content-length` still promises; -1 when there is none. */
  bodyLeft = -1
  /** Responses 1xx that came. */
  interimCount = 0
  /** What waits is `kept[keptStart..keptStart + waiting)`. */
  kept: Buffer = noBytes
  keptStart = 0
  /** Trailers that go behind what waits. */
  trailerNames: readonly string[] | undefined = undefined
  trailerValues: readonly string[] = noNames
  trailerNever: readonly string[] = noNames
  /** The list of the session that it is in, and its neighbours there. */
  list: StreamList | undefined = undefined
  previous: Http2Stream | undefined = undefined
  next: Http2Stream | undefined = undefined

  /** Made by the session only. */
  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id
    this.owner = undefined
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
  }

  /** For the owner: the peer has sent END_STREAM. */
  get remoteEnded(): boolean {
    return (this.bits & StreamBit.remoteEnded) !== 0
  }

  /** For the owner: our END_STREAM is on its way; not before all that waited is. */
  get localEnded(): boolean {
    return (this.bits & StreamBit.localEnded) !== 0
  }

  /** For the owner: reset, or ended by both sides. */
  get closed(): boolean {
    return (this.bits & StreamBit.closed) !== 0
  }

  /** Our side has said its last, even if it still waits. */
  get sealed(): boolean {
    return (this.bits & (StreamBit.localEnded | StreamBit.endsAfterWaiting | StreamBit.closed)) !== 0
  }

  /** Copies `bytes[start..end)` behind what waits. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    const more = end - start
    const keptEnd = this.keptStart + this.waiting
    if (keptEnd + more > this.kept.length) {
      const needed = this.waiting + more
      // Half of the buffer at least is free before it is moved, so that each octet is moved about once.
      const roomy = needed * 2 <= this.kept.length
      const room = roomy ? this.kept : Buffer.allocUnsafeSlow(Math.max(needed, this.waiting * 2))
      this.kept.copy(room, 0, this.keptStart, keptEnd)
      this.kept = room
      this.keptStart = 0
    }
    this.kept.set(
      start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
      this.keptStart + this.waiting,
    )
    this.waiting += more
  }

  /** The first `octets` of what waits are on their way. */
  dropKept(octets: number): void {
    this.keptStart += octets
    this.waiting -= octets
    if (this.waiting === 0) this.dropAllKept()
  }

  /** Lets go of trailers. */
  dropTrailers(): void {
    this.trailerNames = undefined
    this.trailerValues = noNames
    this.trailerNever = noNames
  }

  /** Lets go of all that waits. */
  dropAllKept(): void {
    this.waiting = 0
    this.kept = noBytes
    this.keptStart = 0
  }
}
