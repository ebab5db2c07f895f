/** Length-prefixed messages of gRPC, out of the pieces in which they come. Resumable at every octet. */
export class MessageAssembler {
  readonly #maxBytes: number
  readonly #onMessage: (message: Buffer) => void
  readonly #prefix = Buffer.alloc(prefixBytes)
  #prefixHas = 0
  #needed = 0
  /** Copies: memory follows what came, never what a prefix announces. */
  #parts: Buffer[] = []
  #has = 0

  /** @param maxBytes Length of a message; a longer one is a fault. */
  constructor(maxBytes: number, onMessage: (message: Buffer) => void) {
    this.#maxBytes = maxBytes
    this.#onMessage = onMessage
  }

  /** True when nothing of a message has come that is not whole. */
  get isBetween(): boolean {
    return this.#prefixHas === 0
  }

  /** Takes `bytes[start..end)`; answers what is wrong with them, or nothing. After a fault nothing more may be given. */
  take(bytes: Buffer, start: number, end: number): 'compressed' | 'too-large' | undefined {
    let at = start
    while (at < end) {
      if (this.#prefixHas < prefixBytes) {
        const taken = Math.min(prefixBytes - this.#prefixHas, end - at)
        bytes.copy(this.#prefix, this.#prefixHas, at, at + taken)
        this.#prefixHas += taken
        at += taken
        if (this.#prefixHas < prefixBytes) return undefined
        // Compression was not offered.
        if (this.#prefix[0] !== 0) return 'compressed'
        this.#needed = this.#prefix.readUInt32BE(1)
        if (this.#needed > this.#maxBytes) return 'too-large'
      }
      const taken = Math.min(this.#needed - this.#has, end - at)
      if (taken > 0) this.#parts.push(Buffer.from(bytes.subarray(at, at + taken)))
      this.#has += taken
      at += taken
      if (this.#has === this.#needed) this.#finish()
    }
    return undefined
  }

  #finish(): void {
    const parts = this.#parts
    this.#parts = []
    this.#has = 0
    this.#prefixHas = 0
    this.#onMessage(Buffer.concat(parts))
  }
}

/** A flag for compression, and the length as 32 bits, the most significant first. */
const prefixBytes = 5

/** A message as it stands in a gRPC body. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, prefixBytes)
  return framed
}
