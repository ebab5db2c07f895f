import { BugError } from '../../../base/index.ts'
import { defaultHpackLimits, type HpackLimits } from '../limits.ts'
import { fieldOverhead } from './dynamic-table.ts'
import { EncoderIndex } from './encoder-index.ts'
import { huffmanEncode, huffmanEncodedLength } from './huffman-encode.ts'
import { Indexing, indexingOf } from './indexing-policy.ts'
import { LineMemory } from './line-memory.ts'
import { RecentHashes } from './recent-hashes.ts'

/** What `SETTINGS_HEADER_TABLE_SIZE` is before the peer's settings (RFC 9113 section 6.5.2). */
const initialTableBytes = 4096

/** Share of the table that one entry may take: a larger one would push out too much. */
const entryShare = 3 / 4

/** Octets that an integer takes at most: the prefix and 32 bits. */
const integerOctets = 6

const firstCapacity = 512

/** Longer values are not looked out for. */
const longestRecent = 256

const noNames: readonly string[] = []

/**
 * Encodes field blocks (RFC 7541); one for each connection and direction. `begin`, `field` for each field, then take
 * `bytes[0..length)` before the next `begin`. Blocks must be sent in the order in which they were encoded.
 */
export class HpackEncoder {
  /** Grows when a block needs it; blocks are bounded by the messages that were received. */
  bytes: Buffer = Buffer.allocUnsafeSlow(firstCapacity)
  length = 0
  readonly #maxTable: number
  readonly #index: EncoderIndex
  readonly #recent = new RecentHashes()
  /** Made when the first lines are encoded. */
  #memory: LineMemory | undefined = undefined
  /** Lowest and latest table size that the next block must tell; -1 when there is nothing to tell. */
  #lowest = -1
  #latest = -1

  /** @param limits Only `tableBytes` is used: the table is never larger, whatever the peer allows. */
  constructor(limits: Pick<HpackLimits, 'tableBytes'> = defaultHpackLimits) {
    this.#maxTable = limits.tableBytes
    this.#index = new EncoderIndex(initialTableBytes)
    if (this.#maxTable < initialTableBytes) this.setTableLimit(this.#maxTable)
  }

  /**
   * Obeys the peer's `SETTINGS_HEADER_TABLE_SIZE`. The next block begins with the new size, and with the lowest that was in
   * between, if several came (RFC 7541 section 4.2).
   */
  setTableLimit(bytes: number): void {
    const size = Math.min(bytes, this.#maxTable)
    if (this.#latest < 0 && size === this.#index.maxBytes) return
    this.#lowest = this.#lowest < 0 ? size : Math.min(this.#lowest, size)
    this.#latest = size
  }

  /** Begins a block. */
  begin(): void {
    this.length = 0
    if (this.#latest < 0) return
    this.#reserve(2 * integerOctets)
    if (this.#lowest < this.#latest) this.#resize(this.#lowest)
    this.#resize(this.#latest)
    this.#lowest = -1
    this.#latest = -1
  }

  /**
   * Appends a field.
   *
   * @param name In lower case; characters are octets (Latin-1), as in `value`.
   * @param asked `Indexing.never` for fields that were received so; by default what `indexingOf` says, and the table if a value that hardly comes
   * again has come again.
   * @throws {BugError} If a character is no octet.
   */
  field(name: string, value: string, asked?: Indexing): void {
    this.#reserve(3 * integerOctets + name.length + value.length)
    if (asked !== Indexing.never) {
      const index = this.#index.field(name, value)
      if (index > 0) {
        this.#integer(index, 0x7f, 0x80)
        return
      }
    }
    const indexing = asked ?? this.#choose(name, value)
    const nameIndex = this.#index.name(name)
    const size = name.length + value.length + fieldOverhead
    const adds = indexing === Indexing.incremental && size <= this.#index.maxBytes * entryShare
    if (adds) this.#integer(nameIndex, 0x3f, 0x40)
    else this.#integer(nameIndex, 0x0f, indexing === Indexing.never ? 0x10 : 0)
    if (nameIndex === 0) this.#string(name)
    this.#string(value)
    if (adds) this.#index.add(name, value)
  }

  #choose(name: string, value: string): Indexing {
    const indexing = indexingOf(name, value)
    if (indexing !== Indexing.without || value.length > longestRecent) return indexing
    let hash = name.length
    for (let index = 0; index < value.length; index += 1) hash = (Math.imul(hash, 31) + value.charCodeAt(index)) | 0
    return this.#recent.cameLately(hash) ? Indexing.incremental : indexing
  }

  /**
   * Appends the fields of `source[start..end)`: field lines of HTTP/1.1, each with its CRLF, well formed. Names are lowered; lines that have no place in
   * HTTP/2 (RFC 9113 section 8.2.2) and `host` are left out.
   *
   * @param never Names of fields that were received as never to be indexed (RFC 7541 section 7.1.3).
   * @throws {BugError} If the last line has no end.
   */
  lines(source: Buffer, start: number, end: number, never: readonly string[] = noNames): void {
    const memory = (this.#memory ??= new LineMemory())
    let at = start
    while (at < end) {
      const lineStart = at
      let hash = 0
      let octet = source[at]
      while (octet !== 13) {
        if (at >= end || octet === undefined) throw new BugError('A field line has no end')
        hash = (Math.imul(hash, 31) + octet) | 0
        at += 1
        octet = source[at]
      }
      const line = memory.find(source, lineStart, at, hash)
      at += 2
      if (line.skipped) continue
      if (never.length > 0 && never.includes(line.name)) {
        this.field(line.name, line.value, Indexing.never)
        continue
      }
      const index = line.serial > 0 ? this.#index.indexOf(line.serial) : 0
      if (index > 0) {
        this.#reserve(integerOctets)
        this.#integer(index, 0x7f, 0x80)
      } else {
        this.field(line.name, line.value, line.indexing)
        line.serial = this.#index.serialOf(line.name, line.value)
      }
    }
  }

  #resize(size: number): void {
    this.#integer(size, 0x1f, 0x20)
    this.#index.resize(size)
  }

  /** RFC 7541 section 5.1. */
  #integer(value: number, prefix: number, pattern: number): void {
    if (value < prefix) {
      this.bytes[this.length] = pattern | value
      this.length += 1
      return
    }
    this.bytes[this.length] = pattern | prefix
    this.length += 1
    let rest = value - prefix
    while (rest >= 0x80) {
      this.bytes[this.length] = 0x80 | (rest & 0x7f)
      this.length += 1
      rest >>>= 7
    }
    this.bytes[this.length] = rest
    this.length += 1
  }

  /** RFC 7541 section 5.2: by Huffman when that is shorter. */
  #string(text: string): void {
    const coded = huffmanEncodedLength(text)
    if (coded < 0) throw new BugError('A field has a character that is no octet')
    if (coded < text.length) {
      this.#integer(coded, 0x7f, 0x80)
      this.length = huffmanEncode(text, this.bytes, this.length)
      return
    }
    this.#integer(text.length, 0x7f, 0)
    this.length += this.bytes.latin1Write(text, this.length)
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}
