/** Hashes that are remembered; a power of two. */
const slotCount = 64

/** Remembers what came lately, by its hash: a value that changes from message to message is worth a place in a table only if it comes again. */
export class RecentHashes {
  readonly #hashes = new Int32Array(slotCount)

  /** True if the same hash was given lately. */
  cameLately(hash: number): boolean {
    const slot = (hash ^ (hash >>> 6) ^ (hash >>> 12)) & (slotCount - 1)
    if (this.#hashes[slot] === hash) return true
    this.#hashes[slot] = hash
    return false
  }
}
