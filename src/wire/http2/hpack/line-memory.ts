import { Indexing, indexingOf } from './indexing-policy.ts'
import { RecentHashes } from './recent-hashes.ts'

/** What a field line of HTTP/1.1 is in HTTP/2. */
export interface FieldLine {
  readonly bytes: Buffer
  readonly hash: number
  /** The field has no place in HTTP/2, or is written by others. */
  readonly skipped: boolean
  readonly name: string
  readonly value: string
  indexing: Indexing
  /** Serial number that the field was last known by in the encoder's dynamic table; 0 if it never was there. */
  serial: number
}

/** Lines that are remembered, per encoder; a power of two. */
const slotCount = 64

/** A longer line is read anew each time. */
const longestLine = 256

/** Fields that frame a message in HTTP/1.1 or belong to a connection (RFC 9113 section 8.2.2); `host` is `:authority`. */
const skippedNames: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

const colon = 58

/**
 * Field lines by their bytes: heads of one connection hold the same lines again and again, and what is known of a line need not be read out of
 * it anew. A direct-mapped cache; values that hardly come again are not kept.
 */
export class LineMemory {
  /** Lines whose values change from message to message are worth a place in the table only if they come again. */
  readonly #recent = new RecentHashes()
  readonly #slots: (FieldLine | undefined)[] = Array.from({ length: slotCount }, () => undefined)

  /** The line in `source[start..end)`, without its line end; `hash` is of all its octets. */
  find(source: Buffer, start: number, end: number, hash: number): FieldLine {
    const slot = (hash ^ (hash >>> 6) ^ (hash >>> 12)) & (slotCount - 1)
    const known = this.#slots[slot]
    if (known !== undefined && known.hash === hash && equals(known.bytes, source, start, end)) return known
    const line = readLine(source, start, end, hash)
    if (line.indexing === Indexing.without && this.#recent.cameLately(hash)) line.indexing = Indexing.incremental
    if (end - start <= longestLine && (line.skipped || line.indexing === Indexing.incremental)) {
      this.#slots[slot] = { ...line, bytes: Buffer.from(source.subarray(start, end)) }
      return this.#slots[slot]
    }
    return line
  }
}

function equals(bytes: Buffer, source: Buffer, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] !== source[start + index]) return false
  return true
}

const noBytes = Buffer.alloc(0)

function readLine(source: Buffer, start: number, end: number, hash: number): FieldLine {
  let nameEnd = start
  while (nameEnd < end && source[nameEnd] !== colon) nameEnd += 1
  let valueStart = nameEnd + 1
  let valueEnd = end
  while (valueStart < end && isBlank(source[valueStart])) valueStart += 1
  while (valueEnd > valueStart && isBlank(source[valueEnd - 1])) valueEnd -= 1
  const name = source.latin1Slice(start, nameEnd).toLowerCase()
  const value = source.latin1Slice(valueStart, valueEnd)
  return {
    bytes: noBytes,
    hash,
    skipped: skippedNames.has(name),
    name,
    value,
    indexing: indexingOf(name, value),
    serial: 0,
  }
}

function isBlank(octet: number | undefined): boolean {
  return octet === 32 || octet === 9
}
