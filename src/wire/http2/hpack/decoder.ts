import { defaultHpackLimits, type HpackLimits } from '../limits.ts'
import { BlockMemory } from './block-memory.ts'
import { DynamicTable, fieldOverhead } from './dynamic-table.ts'
import type { FieldBlock, HpackFault } from './field-block.ts'
import { huffmanDecode, huffmanDecodedBound } from './huffman-decode.ts'
import { staticCount, staticNames, staticValues } from './static-table.ts'

/** Octets of an integer beyond its prefix: 28 bits, more than any limit of ours. Longer ones are a fault. */
const maxIntegerOctets = 4

/** What `SETTINGS_HEADER_TABLE_SIZE` is before any settings (RFC 9113 section 6.5.2). */
const initialTableBytes = 4096

const firstScratchBytes = 256
/** Shared by all blocks without sensitive fields; never added to. */
const none: number[] = []
const noBytes = Buffer.alloc(0)

/** What reading of an integer gives when there is none. */
const truncated = -1
const tooLarge = -2

/** Stands for a string that is too long to be kept; its length is in `#length`. */
const overlong = Symbol('overlong')

/**
 * Decodes field blocks (RFC 7541); one for each connection and direction. A fault is for ever: every later block
 * gives it again, since the dynamic table can no longer be known.
 */
export class HpackDecoder {
  readonly #limits: HpackLimits
  readonly #table: DynamicTable
  readonly #memory: BlockMemory
  /** Longest string that is kept: what a limit lets pass, or an entry of the table can hold. */
  readonly #maxString: number
  /** Table size that the peer may choose at most. */
  #tableLimit = initialTableBytes
  /** Table size that the next block must not stay above at its start; infinite when nothing is due. */
  #due = Number.POSITIVE_INFINITY
  #fault: HpackFault | undefined
  #scratch: Buffer = Buffer.allocUnsafeSlow(firstScratchBytes)
  /** Length of the string last read; -1 if there was a fault, which `#stringFault` names. */
  #length = 0
  #stringFault: HpackFault = 'truncated'

  #bytes: Buffer = noBytes
  #position = 0
  #end = 0

  #names: string[] = []
  #values: string[] = []
  #sensitive: number[] = none
  #decoded = 0
  #tooLarge = false

  constructor(limits: Partial<HpackLimits> = {}) {
    this.#limits = { ...defaultHpackLimits, ...limits }
    this.#table = new DynamicTable(initialTableBytes)
    this.#memory = new BlockMemory(this.#limits)
    const { nameBytes, valueBytes, tableBytes } = this.#limits
    this.#maxString = Math.max(nameBytes, valueBytes, tableBytes, initialTableBytes)
  }

  /**
   * Obeys our own `SETTINGS_HEADER_TABLE_SIZE`, to be called when the peer has acknowledged it. When it is lowered, the
   * peer's next block must begin with a table size that is no higher (RFC 7541 section 4.2).
   *
   * @param bytes Bounded by `HpackLimits.tableBytes`.
   */
  setTableLimit(bytes: number): void {
    this.#tableLimit = Math.min(bytes, this.#limits.tableBytes)
    if (this.#tableLimit < this.#table.maxBytes) this.#due = Math.min(this.#due, this.#tableLimit)
  }

  /** Decodes a whole block, `bytes[start..end)`. Nothing of `bytes` is kept. */
  decode(bytes: Buffer, start = 0, end: number = bytes.length): FieldBlock | HpackFault {
    if (this.#fault !== undefined) return this.#fault
    const dueNothing = this.#due === Number.POSITIVE_INFINITY
    if (dueNothing) {
      const known = this.#memory.find(bytes, start, end, this.#table.version)
      if (known !== undefined) return known
    }
    this.#bytes = bytes
    this.#position = start
    this.#end = end
    this.#names = []
    this.#values = []
    this.#sensitive = none
    this.#decoded = 0
    this.#tooLarge = false
    this.#fault = this.#sizeUpdates() ?? this.#fields()
    this.#bytes = noBytes
    if (this.#fault !== undefined) return this.#fault
    const block: FieldBlock = {
      names: this.#names,
      values: this.#values,
      sensitive: this.#sensitive,
      bytes: this.#decoded,
      tooLarge: this.#tooLarge,
      facts: undefined,
      rendered: undefined,
      remembered: false,
    }
    if (dueNothing) this.#memory.remember(bytes, start, end, this.#table.version, block)
    return block
  }

  /** Table sizes, which stand at the start of a block only. */
  #sizeUpdates(): HpackFault | undefined {
    let updates = 0
    while (this.#position < this.#end && ((this.#bytes[this.#position] ?? 0) & 0xe0) === 0x20) {
      updates += 1
      if (updates > this.#limits.sizeUpdates) return 'table-size-misplaced'
      const size = this.#integer(0x1f)
      if (size < 0) return integerFault(size)
      if (size > this.#tableLimit) return 'table-size-too-large'
      if (size <= this.#due) this.#due = Number.POSITIVE_INFINITY
      this.#table.resize(size)
    }
    return this.#due === Number.POSITIVE_INFINITY ? undefined : 'table-size-not-lowered'
  }

  #fields(): HpackFault | undefined {
    while (this.#position < this.#end) {
      const octet = this.#bytes[this.#position] ?? 0
      let fault: HpackFault | undefined
      if (octet >= 0x80) fault = this.#indexed()
      else if (octet >= 0x40) fault = this.#literal(0x3f, octet)
      else if (octet >= 0x20) fault = 'table-size-misplaced'
      else fault = this.#literal(0x0f, octet)
      if (fault !== undefined) return fault
      if (this.#decoded > this.#limits.decodedBytes) return 'decoded-too-large'
    }
    return undefined
  }

  /** RFC 7541 section 6.1. */
  #indexed(): HpackFault | undefined {
    const index = this.#integer(0x7f)
    if (index < 0) return integerFault(index)
    if (index === 0 || index > staticCount + this.#table.count) return 'index-unknown'
    if (index <= staticCount) this.#keep(staticNames[index] ?? '', staticValues[index] ?? '')
    else this.#keep(this.#table.name(index - staticCount - 1), this.#table.value(index - staticCount - 1))
    return undefined
  }

  /** RFC 7541 section 6.2: with indexing (01), without (0000), never indexed (0001). */
  #literal(prefix: number, octet: number): HpackFault | undefined {
    const index = this.#integer(prefix)
    if (index < 0) return integerFault(index)
    if (index > staticCount + this.#table.count) return 'index-unknown'
    const name = this.#literalName(index)
    if (typeof name === 'string' && this.#length < 0) return this.#stringFault
    const nameLength = this.#length
    const value = this.#string()
    if (this.#length < 0) return this.#stringFault
    if (name === overlong || value === overlong) {
      this.#drop(nameLength + this.#length + fieldOverhead)
      // Longer than the table, so that adding it would empty the table.
      if (prefix === 0x3f) this.#table.clear()
      return undefined
    }
    if (this.#keep(name, value) && (octet & 0xf0) === 0x10) this.#markSensitive()
    if (prefix === 0x3f) this.#table.add(name, value)
    return undefined
  }

  #literalName(index: number): string | typeof overlong {
    if (index === 0) return this.#string()
    const name = index <= staticCount ? (staticNames[index] ?? '') : this.#table.name(index - staticCount - 1)
    this.#length = name.length
    return name
  }

  #markSensitive(): void {
    if (this.#sensitive === none) this.#sensitive = []
    this.#sensitive.push(this.#names.length - 1)
  }

  #keep(name: string, value: string): boolean {
    const { sectionBytes, fieldCount, nameBytes, valueBytes } = this.#limits
    const size = name.length + value.length + fieldOverhead
    if (
      this.#decoded + size > sectionBytes ||
      this.#names.length >= fieldCount ||
      name.length > nameBytes ||
      value.length > valueBytes
    ) {
      this.#drop(size)
      return false
    }
    this.#decoded += size
    this.#names.push(name)
    this.#values.push(value)
    return true
  }

  /** A field that is not kept counts all the same: it cost as much to decode. */
  #drop(size: number): void {
    this.#decoded += size
    this.#tooLarge = true
  }

  /** RFC 7541 section 5.1. `truncated` or `tooLarge` if it is none. */
  #integer(prefix: number): number {
    let value = (this.#bytes[this.#position] ?? 0) & prefix
    this.#position += 1
    if (value < prefix) return value
    for (let octets = 0; octets < maxIntegerOctets; octets += 1) {
      if (this.#position >= this.#end) return truncated
      const octet = this.#bytes[this.#position] ?? 0
      this.#position += 1
      value += (octet & 0x7f) << (octets * 7)
      if (octet < 0x80) return value
    }
    return tooLarge
  }

  /** RFC 7541 section 5.2. Answers by `#length` too. */
  #string(): string | typeof overlong {
    this.#length = -1
    this.#stringFault = 'truncated'
    if (this.#position >= this.#end) return ''
    const coded = (this.#bytes[this.#position] ?? 0) >= 0x80
    const length = this.#integer(0x7f)
    if (length < 0) {
      this.#stringFault = integerFault(length)
      return ''
    }
    const start = this.#position
    if (length > this.#end - start) return ''
    this.#position = start + length
    if (coded) return this.#huffman(start, start + length)
    this.#length = length
    return length > this.#maxString ? overlong : this.#bytes.latin1Slice(start, start + length)
  }

  #huffman(start: number, end: number): string | typeof overlong {
    const room = Math.min(huffmanDecodedBound(end - start), this.#maxString)
    if (room > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(room)
    this.#length = huffmanDecode(this.#bytes, start, end, this.#scratch)
    if (this.#length < 0) {
      this.#stringFault = 'huffman'
      return ''
    }
    return this.#length > this.#scratch.length ? overlong : this.#scratch.latin1Slice(0, this.#length)
  }
}

function integerFault(result: number): HpackFault {
  return result === truncated ? 'truncated' : 'integer-too-large'
}
