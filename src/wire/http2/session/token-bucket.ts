/** A budget that fills up with time. */
export class TokenBucket {
  readonly #burst: number
  readonly #perMs: number
  readonly #now: () => number
  #tokens: number
  #filledAt: number

  /** @param now Monotonic milliseconds; asked only when the budget looks spent. */
  constructor(burst: number, perSecond: number, now: () => number) {
    this.#burst = burst
    this.#perMs = perSecond / 1000
    this.#now = now
    this.#tokens = burst
    this.#filledAt = now()
  }

  /** Puts some back, up to the burst. */
  give(tokens: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + tokens)
  }

  /** Spends one; false when nothing is left. */
  take(): boolean {
    if (this.#tokens < 1) {
      const now = this.#now()
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs)
      this.#filledAt = now
      if (this.#tokens < 1) return false
    }
    this.#tokens -= 1
    return true
  }
}
