/** Bytes that every peer of the soak knows, so that a byte lost, doubled or taken from another stream is seen. */

/** The longest body. */
export const patternBytes = 8 * 1024 * 1024

const pattern = Buffer.alloc(patternBytes)
let state = 1
for (let index = 0; index < patternBytes; index += 4) {
  // A step of a linear congruential generator: no short period that would hide a shift.
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
  pattern.writeInt32LE(state, index)
}

/** The first bytes of the pattern. */
export function patternOf(bytes: number): Buffer {
  return pattern.subarray(0, bytes)
}

/** Compares what arrives with the pattern. */
export class PatternCheck {
  /** So many bytes came. */
  bytes = 0

  /** @throws {Error} At the first part that differs. */
  take(part: Buffer): void {
    if (!part.equals(pattern.subarray(this.bytes, this.bytes + part.length))) throw new Error(this.#describe(part))
    this.bytes += part.length
  }

  /** Whose bytes they are, as far as they tell: of elsewhere in the pattern, or of another message. */
  #describe(part: Buffer): string {
    const expected = pattern.subarray(this.bytes, this.bytes + part.length)
    const first = part.findIndex((byte, index) => byte !== expected[index])
    const other = part.subarray(first, first + 32)
    const place = other.length < 4 ? -1 : pattern.indexOf(other)
    const what = place < 0 ? JSON.stringify(other.toString('latin1')) : `those from ${place} on`
    return `Expected the pattern, got other bytes from ${this.bytes + first} on, of ${part.length} at ${this.bytes}: ${what}`
  }

  /** @throws {Error} If not exactly so many bytes came. */
  expectBytes(expected: number): void {
    if (this.bytes !== expected) throw new Error(`Expected ${expected} bytes, got ${this.bytes}`)
  }
}
