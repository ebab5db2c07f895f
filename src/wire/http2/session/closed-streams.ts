/** How a stream came to its end. */
export const Ending = {
  /** Not known any more, or never opened. */
  unknown: 0,
  /** Both sides sent END_STREAM. */
  ended: 1,
  /** We reset it: frames that the peer sent before it knew are ignored. */
  resetByUs: 2,
  resetByPeer: 3,
  /** Not known any more, but it was opened, or a later one was. */
  forgotten: 4,
} as const
export type Ending = (typeof Ending)[keyof typeof Ending]

/** How the latest streams ended; later ones push out earlier ones. Memory is fixed. */
export class ClosedStreams {
  readonly #mask: number
  /** Made when the first stream ends. */
  #ids: Uint32Array | undefined = undefined
  #endings: Uint8Array = new Uint8Array(0)

  /** @param count A power of two. */
  constructor(count: number) {
    this.#mask = count - 1
  }

  /** Notes the end of a stream. */
  add(id: number, ending: Ending): void {
    if (this.#ids === undefined) {
      this.#ids = new Uint32Array(this.#mask + 1)
      this.#endings = new Uint8Array(this.#mask + 1)
    }
    const slot = (id >>> 1) & this.#mask
    if ((this.#ids[slot] ?? 0) > id) return
    this.#ids[slot] = id
    this.#endings[slot] = ending
  }

  /** How the stream ended; `unknown` only if it was never noted. */
  find(id: number): Ending {
    const slot = (id >>> 1) & this.#mask
    const noted = this.#ids?.[slot] ?? 0
    if (noted > id) return Ending.forgotten
    if (noted < id) return Ending.unknown
    const ending = this.#endings[slot]
    return ending === Ending.ended || ending === Ending.resetByUs || ending === Ending.resetByPeer
      ? ending
      : Ending.unknown
  }
}
