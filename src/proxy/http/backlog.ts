/** Bytes that wait for their turn, in order. What is put back to where it came from is not copied again. */
export class Backlog {
  #bytes: Uint8Array | undefined = undefined
  #start = 0
  #end = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** Keeps a copy of `bytes[start..end)` behind what is held; bytes that were handed out by `take` just now are kept as they are. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (start >= end) return
    const held = this.length
    if (held === 0 && bytes === this.#bytes) {
      this.#start = start
      this.#end = end
      return
    }
    const kept = Buffer.allocUnsafe(held + end - start)
    if (this.#bytes !== undefined) kept.set(this.#bytes.subarray(this.#start, this.#end), 0)
    kept.set(bytes.subarray(start, end), held)
    this.#bytes = kept
    this.#start = 0
    this.#end = kept.length
  }

  /** Hands all of it to `reader`, which may add what it did not use. */
  take(reader: (bytes: Uint8Array, start: number, end: number) => void): void {
    const bytes = this.#bytes
    const start = this.#start
    const end = this.#end
    this.#start = end
    if (bytes !== undefined && start < end) reader(bytes, start, end)
    if (this.length === 0) this.#bytes = undefined
  }
}
