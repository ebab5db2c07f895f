/** Share of the time after which the peer closes that a connection is used: the rest is for what is under way, and for clocks. */
const usedShare = 0.8

/**
 * How long an idle connection to one endpoint can be used again: learned from the connections that the endpoint closed, and from what it says itself
 * (`Keep-Alive: timeout`). Times are milliseconds of idleness.
 *
 * What was learned is a bound that moves both ways: a connection that was closed earlier lowers it at once, one that was alive later raises it,
 * to twice its value at most. So one close that had another reason (a restart) is forgotten soon.
 */
export class IdleLifetime {
  /** A connection that has been idle for so long is not used again; infinite while nothing is known. */
  limitMs: number = Number.POSITIVE_INFINITY
  #learned: number = Number.POSITIVE_INFINITY
  #announced: number = Number.POSITIVE_INFINITY

  /** The endpoint closed a connection that had been idle for so long. To be told only of the one that was idle longest: others are no time-outs. */
  onClosed(ageMs: number): void {
    if (ageMs < this.#learned) this.#learn(ageMs)
    else this.onAlive(ageMs)
  }

  /** A connection that has been idle for so long is still open. */
  onAlive(ageMs: number): void {
    // A close within the first millisecond must not need a thousand steps to be forgotten.
    if (ageMs > this.#learned) this.#learn(Math.min(ageMs, Math.max(1, this.#learned * 2)))
  }

  /** The endpoint says that it keeps idle connections for so long. */
  onAnnounced(timeoutMs: number): void {
    if (timeoutMs === this.#announced) return
    this.#announced = timeoutMs
    this.#learn(this.#learned)
  }

  #learn(learned: number): void {
    this.#learned = learned
    this.limitMs = Math.min(learned, this.#announced) * usedShare
  }
}
