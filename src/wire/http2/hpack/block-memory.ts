import type { HpackLimits } from '../limits.ts'
import type { FieldBlock } from './field-block.ts'

interface Remembered {
  readonly bytes: Uint8Array
  length: number
  version: number
  block: FieldBlock
}

/**
 * Decoded blocks by their bytes. A block of nothing but indexed fields means the same as long as the dynamic table is the
 * same; on a connection where requests resemble each other, most blocks are such. A direct-mapped cache.
 */
export class BlockMemory {
  readonly #slots: (Remembered | undefined)[]
  readonly #maxBytes: number
  /** Slot of the block that `find` was last asked for; -1 if it is none to remember. */
  #slot = -1

  constructor(limits: HpackLimits) {
    this.#slots = Array.from({ length: limits.rememberedBlocks }, () => undefined)
    this.#maxBytes = limits.rememberedBlockBytes
  }

  /** What `source[start..end)` was decoded to when the table had this version. */
  find(source: Uint8Array, start: number, end: number, version: number): FieldBlock | undefined {
    this.#slot = -1
    const length = end - start
    if (length === 0 || length > this.#maxBytes) return undefined
    let hash = length
    for (let position = start; position < end; position += 1) {
      const octet = source[position] ?? 0
      // Indexed fields have the first bit set. Indices of two octets end on one without: such blocks are not remembered.
      if (octet < 0x80) return undefined
      hash = (Math.imul(hash, 31) + octet) | 0
    }
    this.#slot = (hash ^ (hash >>> 7)) & (this.#slots.length - 1)
    const slot = this.#slots[this.#slot]
    if (slot === undefined || slot.version !== version || slot.length !== length) return undefined
    for (let index = 0; index < length; index += 1) {
      if (slot.bytes[index] !== source[start + index]) return undefined
    }
    return slot.block
  }

  /** Remembers what the block that `find` was last asked for, and did not find, was decoded to. */
  remember(source: Uint8Array, start: number, end: number, version: number, block: FieldBlock): void {
    if (this.#slot < 0) return
    const slot = (this.#slots[this.#slot] ??= { bytes: new Uint8Array(this.#maxBytes), length: 0, version, block })
    slot.length = end - start
    slot.version = version
    slot.block = block
    block.remembered = true
    for (let index = 0; index < slot.length; index += 1) slot.bytes[index] = source[start + index] ?? 0
  }
}
