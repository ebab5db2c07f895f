/** Members of `Buffer` that the runtime has beyond its types: they take no name of an encoding, and cost half of `write` and `toString`. */
interface Buffer {
  /** Writes text at `offset`, an octet for each character; returns the octets written. */
  latin1Write(text: string, offset?: number, length?: number): number
  /** `bytes[start..end)` as text, a character for each octet. */
  latin1Slice(start?: number, end?: number): string
}
