import { invariant } from '../../../base/index.ts'

/** What an entry, or a field of a section, counts beyond its name and value (RFC 7541 section 4.1). */
export const fieldOverhead = 32

const firstCapacity = 16

/**
 * The dynamic table (RFC 7541 section 2.3.2) as a ring: the newest entry has position 0, adding and evicting move nothing. Its
 * arrays grow with the entries that it holds, which `maxBytes` bounds; an idle connection pays for none.
 */
export class DynamicTable {
  /** Entries held. */
  count = 0
  /** Size of the entries held. */
  bytes = 0
  /** Changes with every change of what the positions stand for. */
  version = 0
  #maxBytes: number
  #names: string[] = []
  #values: string[] = []
  #capacity = 0
  /** Slot of the newest entry. */
  #newest = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Size that the entries may have together. */
  get maxBytes(): number {
    return this.#maxBytes
  }

  /** Name of the entry at `position`, which must be below `count`. */
  name(position: number): string {
    return this.#names[(this.#newest - position) & (this.#capacity - 1)] ?? ''
  }

  /** Value of the entry at `position`, which must be below `count`. */
  value(position: number): string {
    return this.#values[(this.#newest - position) & (this.#capacity - 1)] ?? ''
  }

  /** Changes the size; evicts what no longer fits. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#evictTo(maxBytes)
  }

  /** Adds an entry after evicting what must go; one that is larger than the table empties it (RFC 7541 section 4.4). */
  add(name: string, value: string): void {
    const size = name.length + value.length + fieldOverhead
    if (size > this.#maxBytes) {
      this.clear()
      return
    }
    this.#evictTo(this.#maxBytes - size)
    if (this.count === this.#capacity) this.#grow()
    this.#newest = (this.#newest + 1) & (this.#capacity - 1)
    this.#names[this.#newest] = name
    this.#values[this.#newest] = value
    this.count += 1
    this.bytes += size
    this.version += 1
  }

  /** Evicts the oldest entry; there must be one. */
  evict(): void {
    invariant(this.count > 0, 'The dynamic table has no entry to evict')
    const slot = (this.#newest - this.count + 1) & (this.#capacity - 1)
    this.bytes -= (this.#names[slot] ?? '').length + (this.#values[slot] ?? '').length + fieldOverhead
    // Lets go of the strings, which may be long.
    this.#names[slot] = ''
    this.#values[slot] = ''
    this.count -= 1
    this.version += 1
  }

  /** Evicts everything. */
  clear(): void {
    this.#evictTo(0)
  }

  #evictTo(bytes: number): void {
    while (this.bytes > bytes) this.evict()
  }

  #grow(): void {
    const capacity = this.#capacity === 0 ? firstCapacity : this.#capacity * 2
    const names = Array.from({ length: capacity }, () => '')
    const values = Array.from({ length: capacity }, () => '')
    for (let position = 0; position < this.count; position += 1) {
      names[this.count - 1 - position] = this.name(position)
      values[this.count - 1 - position] = this.value(position)
    }
    this.#names = names
    this.#values = values
    this.#capacity = capacity
    this.#newest = this.count === 0 ? capacity - 1 : this.count - 1
  }
}
