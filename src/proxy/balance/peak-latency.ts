/**
 * How long a host takes to answer: a moving average that follows a slower answer at once and a faster one by and by (peak
 * EWMA). The past fades with time, not with the number of answers, and also while nothing comes: a host that was slow
 * is tried again.
 */
export class PeakLatency {
  /** Monotonic ms of the last observation. */
  #at = 0
  #averageMs = 0
  #known = false
  readonly #decayMs: number

  /** @param decayMs An observation counts half after so long. */
  constructor(decayMs: number) {
    this.#decayMs = decayMs
  }

  /** Notes an answer. @param now Monotonic ms. */
  observe(elapsedMs: number, now: number): void {
    const kept = this.#kept(now)
    const peak = this.#averageMs * kept
    this.#averageMs = !this.#known || elapsedMs > peak ? elapsedMs : peak + elapsedMs * (1 - kept)
    this.#known = true
    this.#at = now
  }

  /** Notes that no answer came in this time: counts only if it is longer than what is expected. */
  observeSilence(elapsedMs: number, now: number): void {
    if (!this.#known || elapsedMs > this.#averageMs * this.#kept(now)) this.observe(elapsedMs, now)
  }

  /** What another request would cost, in no unit. */
  cost(host: { readonly activeRequests: number }, settings: PeakLatencySettings, now: number): number {
    if (this.#known) return this.#averageMs * this.#kept(now) * (host.activeRequests + 1)
    if (host.activeRequests > 0) return settings.penalty + host.activeRequests
    return settings.defaultRttMs
  }

  #kept(now: number): number {
    return 2 ** (-Math.max(0, now - this.#at) / this.#decayMs)
  }
}

/** For hosts that have answered nothing yet. */
export interface PeakLatencySettings {
  readonly defaultRttMs: number
  /** Cost of one that has requests in progress: whether it will ever answer is not known. */
  readonly penalty: number
}
