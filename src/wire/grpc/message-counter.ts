/** Octets before each message: a flag, and the length in four. */
const prefixBytes = 5

/** Counts the messages in a body that comes in pieces, cut anywhere. Holds no octets. */
export class GrpcMessageCounter {
  /** Messages whose prefix is complete. */
  count = 0
  /** Octets of the prefix that were seen. */
  #seen = 0
  #length = 0
  /** Octets of the message that are to come. */
  #left = 0

  /** Ready for another body. */
  reset(): void {
    this.count = 0
    this.#seen = 0
    this.#length = 0
    this.#left = 0
  }

  /** Takes a piece. */
  add(bytes: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, end - at)
        this.#left -= taken
        at += taken
        continue
      }
      // Lengths are unsigned: no shifts, which would make them negative.
      if (this.#seen > 0) this.#length = this.#length * 256 + (bytes[at] ?? 0)
      this.#seen += 1
      at += 1
      if (this.#seen < prefixBytes) continue
      this.count += 1
      this.#left = this.#length
      this.#seen = 0
      this.#length = 0
    }
  }
}
