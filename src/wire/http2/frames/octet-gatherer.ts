/** A larger buffer is let go when the next thing is gathered; a connection keeps no more than this for its idle time. */
const keptBytes = 1024

const noBytes = Buffer.alloc(0)

/** Collects octets that arrive in pieces. Grows with what has arrived, never by what a length field promises. */
export class OctetGatherer {
  bytes: Buffer = noBytes
  length = 0

  /** Begins anew. */
  reset(): void {
    this.length = 0
    if (this.bytes.length > keptBytes) this.bytes = noBytes
  }

  /** Appends `source[start..end)`. */
  add(source: Buffer, start: number, end: number): void {
    const needed = this.length + end - start
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    source.copy(this.bytes, this.length, start, end)
    this.length = needed
  }
}
