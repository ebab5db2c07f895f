import { positionStride, type Head } from './head.ts'

/**
 * Writes messages into one buffer that is handed to the socket whole. Shared by all connections of a thread: what is
 * written must be taken before the next message is begun.
 */
export class HeadWriter {
  /** Grows when a head needs it; heads are bounded by those that were received. */
  bytes: Buffer
  length = 0

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** Whose message stands in it. Shared by all connections, it must never hand one's octets to another: who sends asks first. */
  #owner: object | undefined = undefined

  /** Begins a new message, of nobody in particular: `length` octets are for the caller to take at once. */
  reset(): void {
    this.length = 0
    this.#owner = undefined
  }

  /** Begins a new message of `owner`; what another one left is dropped. */
  begin(owner: object): void {
    this.length = 0
    this.#owner = owner
  }

  /** Goes on with the message of `owner`, or begins it. */
  resume(owner: object): void {
    if (this.#owner !== owner) this.begin(owner)
  }

  /** What stands in it was written by `owner`, and is something. */
  holds(owner: object): boolean {
    return this.#owner === owner && this.length > 0
  }

  /** Appends text, one octet for each character (Latin-1). */
  text(text: string): void {
    this.reserve(text.length)
    if (text.length <= 2) {
      for (let index = 0; index < text.length; index += 1) this.bytes[this.length + index] = text.charCodeAt(index)
      this.length += text.length
      return
    }
    this.length += this.bytes.latin1Write(text, this.length)
  }

  /** Appends a field line: its name with colon and space, and a number, not negative. */
  number(start: string, value: number): void {
    this.text(start)
    this.reserve(18)
    if (value < 10) {
      this.bytes[this.length] = 48 + value
      this.length += 1
    } else this.length += this.bytes.latin1Write(String(value), this.length)
    this.bytes[this.length] = 13
    this.bytes[this.length + 1] = 10
    this.length += 2
  }

  /** Appends `source[start..end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.reserve(length)
    // Buffer.copy makes no view; what sockets deliver is a Buffer.
    if (source instanceof Buffer) source.copy(this.bytes, this.length, start, end)
    else this.bytes.set(source.subarray(start, end), this.length)
    this.length += length
  }

  /** Appends a field line. */
  field(name: string, value: string): void {
    this.text(`${name}: ${value}\r\n`)
  }

  /**
   * Appends the field lines of a head as they came, without those whose id is set in `dropped` (indexed by field id). Runs of
   * kept lines are copied at once.
   *
   * @param from Where copying begins: an earlier position takes (the rest of) the start line along.
   */
  fields(head: Head, dropped: Uint8Array, from: number = head.lineStart(0)): void {
    const { count, ids, positions, bytes } = head
    let run = from
    for (let index = 0; index < count; index += 1) {
      if (dropped[ids[index] ?? 0] !== 1) continue
      const line = positions[index * positionStride] ?? 0
      if (line > run) this.copy(bytes, run, line)
      run = head.lineStart(index + 1)
    }
    const end = head.end - 2
    if (end > run) this.copy(bytes, run, end)
  }

  /** Appends one chunk size line (RFC 9112 section 7.1). */
  chunkSize(size: number): void {
    this.text(`${size.toString(16)}\r\n`)
  }

  /** Makes room. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}
