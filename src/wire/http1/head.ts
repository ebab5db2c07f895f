import { equalsFieldName, FieldId, type FieldTable, hashFieldName } from './field-table.ts'

/** Bounds of one head. */
export interface HeadLimits {
  /** Start line and fields together; longer is `HeadFault.headBytes`. */
  readonly headBytes: number
  readonly fieldCount: number
  /** One field line. */
  readonly fieldBytes: number
}

/** How the end of a message body is found (RFC 9112 section 6.3). */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close'

/** Tokens of `Connection` that mean something to the codec, as bits of `Head.connection`. */
export const ConnectionOption = { close: 1, keepAlive: 2, upgrade: 4, named: 8 } as const

/** Numbers per field in `Head.positions`. */
export const positionStride = 5

/**
 * Where things are in a scanned head. Reusable: `reset` and scan again. Positions index into the bytes that were scanned,
 * whose first octet is the first of the head; `bytes` must be set to where the head's bytes are kept before anything is read
 * as text. Strings are made only when asked for.
 */
export class Head {
  readonly table: FieldTable
  limits: HeadLimits
  bytes: Buffer = emptyBytes
  /** For each field: start and end of the name, start and end of the value, hash of the name. */
  positions: Int32Array = new Int32Array(32 * positionStride)
  ids: Uint8Array = new Uint8Array(32)
  count = 0
  /** First octet after the blank line; 0 while the head is incomplete. */
  end = 0
  /** Scanning goes on here when more bytes are there: always the start of a line. */
  cursor = 0
  startLineDone = false
  /** Start of the start line: 0, or 2 behind an empty line that was skipped. */
  start = 0

  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  /** The path holds an escape, a backslash, an octet that ought to be escaped, `//` or `/.`: it may need normalisation. */
  oddPath = false
  /** Position of `?` in the target; -1 when there is none. */
  queryMark = -1
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minorVersion = 1
  status = 0

  /** -1: none. */
  contentLength = -1
  chunked = false
  encodings = 0
  hosts = 0
  hostIndex = -1
  upgradeIndex = -1
  expectsContinue = false
  /** Bits of `ConnectionOption`. */
  connection = 0
  /** Names of fields that no hop may index (RFC 7541 section 7.1.3), of a head that came in HTTP/2. */
  sensitive: readonly string[] = noNames

  constructor(table: FieldTable, limits: HeadLimits) {
    this.table = table
    this.limits = limits
  }

  /** Forgets everything; the arrays stay. */
  reset(): void {
    this.count = 0
    this.end = 0
    this.cursor = 0
    this.startLineDone = false
    this.start = 0
    this.oddPath = false
    this.queryMark = -1
    this.status = 0
    this.contentLength = -1
    this.chunked = false
    this.encodings = 0
    this.hosts = 0
    this.hostIndex = -1
    this.upgradeIndex = -1
    this.expectsContinue = false
    this.connection = 0
    this.sensitive = noNames
  }

  /** Appends a field; used by the scanner. */
  push(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, hash: number, id: number): void {
    const count = this.count
    if (count === this.ids.length) this.#grow()
    const at = count * positionStride
    const positions = this.positions
    positions[at] = nameStart
    positions[at + 1] = nameEnd
    positions[at + 2] = valueStart
    positions[at + 3] = valueEnd
    positions[at + 4] = hash
    this.ids[count] = id
    this.count = count + 1
  }

  /** First octet of the line of a field; of the blank line for `index === count`. */
  lineStart(index: number): number {
    return index < this.count ? (this.positions[index * positionStride] ?? 0) : this.end - 2
  }

  /** Name of a field as it was sent. */
  name(index: number): string {
    const at = index * positionStride
    return this.bytes.latin1Slice(this.positions[at] ?? 0, this.positions[at + 1] ?? 0)
  }

  /** Value of a field, octets as Latin-1. */
  value(index: number): string {
    const at = index * positionStride
    return this.bytes.latin1Slice(this.positions[at + 2] ?? 0, this.positions[at + 3] ?? 0)
  }

  /** Position of the first octet of a value. */
  valueStart(index: number): number {
    return this.positions[index * positionStride + 2] ?? 0
  }

  /** Position behind the last octet of a value. */
  valueEnd(index: number): number {
    return this.positions[index * positionStride + 3] ?? 0
  }

  /** Index of the first field at or after `from` with this id; -1 when there is none. */
  indexOfId(id: number, from = 0): number {
    for (let index = from; index < this.count; index += 1) if (this.ids[index] === id) return index
    return -1
  }

  /** True when the field's name is `lowerCaseName`. */
  isNamed(index: number, lowerCaseName: string, hash: number): boolean {
    const at = index * positionStride
    return (
      this.positions[at + 4] === hash &&
      equalsFieldName(this.bytes, this.positions[at] ?? 0, this.positions[at + 1] ?? 0, lowerCaseName)
    )
  }

  /** All values of a field joined by `,` in order (RFC 9110 section 5.3); undefined when it is absent. */
  header(lowerCaseName: string): string | undefined {
    const hash = hashFieldName(lowerCaseName)
    let joined: string | undefined
    for (let index = 0; index < this.count; index += 1) {
      if (!this.isNamed(index, lowerCaseName, hash)) continue
      const value = this.value(index)
      joined = joined === undefined ? value : `${joined},${value}`
    }
    return joined
  }

  /** Each value of a field by itself, in order; none when it is absent. */
  values(lowerCaseName: string): readonly string[] {
    const hash = hashFieldName(lowerCaseName)
    const found: string[] = []
    for (let index = 0; index < this.count; index += 1) {
      if (this.isNamed(index, lowerCaseName, hash)) found.push(this.value(index))
    }
    return found
  }

  /** True when `Connection` names this field as hop-by-hop. */
  isNominated(index: number): boolean {
    const name = this.name(index).toLowerCase()
    for (
      let other = this.indexOfId(FieldId.connection);
      other >= 0;
      other = this.indexOfId(FieldId.connection, other + 1)
    ) {
      for (const token of this.value(other).split(',')) if (token.trim().toLowerCase() === name) return true
    }
    return false
  }

  /** Reserves room for `size` octets in `bytes`, which are no longer of use. */
  reserve(size: number): void {
    if (this.bytes.length < size) this.bytes = Buffer.allocUnsafeSlow(Math.max(size, this.bytes.length * 2))
  }

  /** Becomes the same as `other`, which is complete. The octets are copied, so that neither depends on the other. */
  assign(other: Head): void {
    const { count, end } = other
    this.reserve(end)
    other.bytes.copy(this.bytes, 0, 0, end)
    if (this.ids.length < count) {
      this.ids = new Uint8Array(other.ids.length)
      this.positions = new Int32Array(other.positions.length)
    }
    for (let index = 0; index < count; index += 1) this.ids[index] = other.ids[index] ?? 0
    const numbers = count * positionStride
    for (let index = 0; index < numbers; index += 1) this.positions[index] = other.positions[index] ?? 0
    this.count = count
    this.end = end
    this.cursor = other.cursor
    this.startLineDone = other.startLineDone
    this.start = other.start
    this.methodEnd = other.methodEnd
    this.targetStart = other.targetStart
    this.targetEnd = other.targetEnd
    this.oddPath = other.oddPath
    this.queryMark = other.queryMark
    this.minorVersion = other.minorVersion
    this.status = other.status
    this.contentLength = other.contentLength
    this.chunked = other.chunked
    this.encodings = other.encodings
    this.hosts = other.hosts
    this.hostIndex = other.hostIndex
    this.upgradeIndex = other.upgradeIndex
    this.expectsContinue = other.expectsContinue
    this.connection = other.connection
    this.sensitive = other.sensitive
  }

  /** Makes a field unfindable and gives it another number, so that it is dropped where that number is. */
  hide(index: number, id: number): void {
    this.positions[index * positionStride + 4] = -1
    this.ids[index] = id
  }

  #grow(): void {
    const ids = new Uint8Array(this.ids.length * 2)
    ids.set(this.ids)
    this.ids = ids
    const positions = new Int32Array(this.positions.length * 2)
    positions.set(this.positions)
    this.positions = positions
  }
}

const emptyBytes = Buffer.alloc(0)
const noNames: readonly string[] = []
