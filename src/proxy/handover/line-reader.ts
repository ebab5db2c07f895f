import { maxLineBytes } from './messages.ts'

const lineFeed = 10

/** Cuts what comes over a connection into lines; a line may come in any pieces, a character of several octets too. */
export class LineReader {
  #rest: Buffer = Buffer.alloc(0)

  /**
   * Takes in what came.
   *
   * @returns The lines that are whole now, without their ends; undefined when one is longer than `maxLineBytes`: the connection is to be ended.
   */
  push(bytes: Uint8Array): readonly string[] | undefined {
    const held = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes])
    const lines: string[] = []
    let start = 0
    for (let end = held.indexOf(lineFeed); end >= 0; end = held.indexOf(lineFeed, start)) {
      if (end - start > maxLineBytes) return undefined
      lines.push(held.toString('utf8', start, end))
      start = end + 1
    }
    if (held.length - start > maxLineBytes) return undefined
    this.#rest = held.subarray(start)
    return lines
  }
}
