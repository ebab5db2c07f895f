import { hexOctets, tokenOctets, valueOctets } from './octets.ts'

/** What `ChunkedDecoder.next` found. */
export const ChunkEvent = {
  /** All given bytes are used up. */
  more: 0,
  /** Payload: `dataStart` to `dataEnd`. */
  data: 1,
  /** The message is over; trailer lines, if any, are in `trailers`. */
  end: 2,
  /** The framing is wrong; nothing may follow on this connection. */
  fault: 3,
} as const

/** Bounds of a chunked body. */
export interface ChunkLimits {
  readonly extensionBytes: number
  /** Trailer lines together. */
  readonly trailerBytes: number
}

const State = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  endLf: 7,
  done: 8,
} as const

/** Where an octet of a chunk extension belongs (RFC 9112 section 7.1.1). */
const Part = { fault: -1, nameStart: 0, name: 1, valueStart: 2, value: 3, quoted: 4, escaped: 5, quotedEnd: 6 } as const

/** Digits of a chunk size: 2^52 at most, far from losing precision. */
const maxSizeDigits = 13

/**
 * Decodes the chunked coding (RFC 9112 section 7.1), resumable at every octet and strict: no blanks around the size, CRLF only, extensions checked and
 * dropped. Call `next` until it answers other than `data`.
 */
export class ChunkedDecoder {
  readonly #limits: ChunkLimits
  /** Where the next call must go on. */
  position = 0
  dataStart = 0
  dataEnd = 0
  /** Trailer lines with their blank line, as they came; undefined when there were none. To be scanned with `scanFields`. */
  trailers: Buffer | undefined = undefined
  #state: number = State.size
  #size = 0
  #digits = 0
  #extension = 0
  #part: number = Part.nameStart
  #trailerLength = 0
  /** Where the trailer line that is being read begins. */
  #trailerLine = 0

  constructor(limits: ChunkLimits) {
    this.#limits = limits
  }

  /** Ready for a new body. */
  reset(): void {
    this.#state = State.size
    this.#size = 0
    this.#digits = 0
    this.#extension = 0
    this.#part = Part.nameStart
    this.#trailerLength = 0
    this.#trailerLine = 0
    this.trailers = undefined
  }

  /** Finds the next event in `bytes[start..end)`; `position` says where to go on. */
  next(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end) {
      if (this.#state === State.data) return this.#data(at, end)
      if (this.#state === State.trailer) return this.#trailer(bytes, at, end)
      const octet = bytes[at] ?? 0
      at += 1
      if (!this.#step(octet)) {
        this.position = at
        return ChunkEvent.fault
      }
      if (this.#state === State.done) {
        this.position = at
        return ChunkEvent.end
      }
    }
    this.position = at
    return ChunkEvent.more
  }

  #data(at: number, end: number): number {
    const length = Math.min(this.#size, end - at)
    this.dataStart = at
    this.dataEnd = at + length
    this.position = this.dataEnd
    this.#size -= length
    if (this.#size === 0) this.#state = State.dataCr
    return ChunkEvent.data
  }

  /** One octet outside payload and trailers; false is a fault. */
  #step(octet: number): boolean {
    switch (this.#state) {
      case State.size:
        return this.#sizeOctet(octet)
      case State.extension:
        return this.#extensionOctet(octet)
      case State.sizeLf:
        if (octet !== 10) return false
        this.#state = this.#size === 0 ? State.trailer : State.data
        this.#digits = 0
        this.#extension = 0
        this.#part = Part.nameStart
        return true
      case State.dataCr:
        this.#state = State.dataLf
        return octet === 13
      case State.dataLf:
        this.#state = State.size
        return octet === 10
      default:
        this.#state = State.done
        return octet === 10
    }
  }

  #sizeOctet(octet: number): boolean {
    const digit = hexOctets[octet] ?? 0
    if (digit > 0) {
      this.#size = this.#digits === 0 ? digit - 1 : this.#size * 16 + digit - 1
      this.#digits += 1
      return this.#digits <= maxSizeDigits
    }
    if (this.#digits === 0) return false
    if (octet === 13) this.#state = State.sizeLf
    else if (octet === 59) this.#state = State.extension
    else return false
    return true
  }

  #extensionOctet(octet: number): boolean {
    const part = this.#part
    if (octet === 13) {
      this.#state = State.sizeLf
      return part === Part.name || part === Part.value || part === Part.quotedEnd
    }
    this.#extension += 1
    this.#part = partBehind(part, octet)
    return this.#part !== Part.fault && this.#extension <= this.#limits.extensionBytes
  }

  /** The usual end is CRLF at once; lines before it are gathered whole, for the scanner of fields. */
  #trailer(bytes: Uint8Array, start: number, end: number): number {
    if (this.#trailerLength === 0 && bytes[start] === 13) {
      this.#state = State.endLf
      return this.next(bytes, start + 1, end)
    }
    const trailers = (this.trailers ??= Buffer.allocUnsafe(this.#limits.trailerBytes))
    let at = start
    let length = this.#trailerLength
    while (at < end) {
      if (length === trailers.length) {
        this.position = at
        return ChunkEvent.fault
      }
      trailers[length] = bytes[at] ?? 0
      length += 1
      at += 1
      if (trailers[length - 1] !== 10) continue
      const line = this.#trailerLine
      this.#trailerLine = length
      if (!isFieldLine(trailers, line, length)) {
        this.position = at
        return ChunkEvent.fault
      }
      if (length - line === 2) {
        this.trailers = trailers.subarray(0, length)
        this.#state = State.done
        this.position = at
        return ChunkEvent.end
      }
    }
    this.#trailerLength = length
    this.position = at
    return ChunkEvent.more
  }
}

/** What follows `part` when `octet` comes: names and values are tokens, or values in quotes; blanks between them are not taken. */
function partBehind(part: number, octet: number): number {
  switch (part) {
    case Part.quoted:
      if (octet === 34) return Part.quotedEnd
      if (octet === 92) return Part.escaped
      return valueOctets[octet] === 1 ? Part.quoted : Part.fault
    case Part.escaped:
      return valueOctets[octet] === 1 ? Part.quoted : Part.fault
    default:
      if (octet === 59) return part === Part.nameStart || part === Part.valueStart ? Part.fault : Part.nameStart
      if (octet === 61) return part === Part.name ? Part.valueStart : Part.fault
      if (octet === 34) return part === Part.valueStart ? Part.quoted : Part.fault
      if (part === Part.quotedEnd || tokenOctets[octet] === 0) return Part.fault
      return part <= Part.name ? Part.name : Part.value
  }
}

/** True for the empty line and for a field line that a strict reader takes: a token, a colon, a value, CRLF. */
function isFieldLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2 || bytes[end - 2] !== 13) return false
  if (end - start === 2) return true
  let at = start
  while (tokenOctets[bytes[at] ?? 0] !== 0) at += 1
  if (at === start || bytes[at] !== 58) return false
  at += 1
  while (at < end - 2 && valueOctets[bytes[at] ?? 0] === 1) at += 1
  return at === end - 2
}
