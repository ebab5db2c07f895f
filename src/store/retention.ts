/** How much history a store keeps for watchers that resume. */
export interface HistoryLimits {
  /** Commits, default 4096. */
  readonly commits: number
  /** Bytes of values, default 64 MiB. */
  readonly bytes: number
}

/** What is kept when nothing else is asked for. */
export const defaultHistoryLimits: HistoryLimits = { commits: 4096, bytes: 64 * 1024 * 1024 }

/**
 * Decides which commits leave the change log. Knows their revisions and sizes, not their content.
 * The newest commit always stays, however large.
 */
export class Retention {
  /** Highest revision whose changes are gone; a watch may start from here or later. */
  compacted: number
  readonly #limits: HistoryLimits
  readonly #sizes = new Map<number, number>()
  #bytes = 0

  constructor(limits: HistoryLimits, compacted: number) {
    this.#limits = limits
    this.compacted = compacted
  }

  /** Takes note of a commit; answers the revisions that leave the log now, oldest first. */
  record(revision: number, bytes: number): readonly number[] {
    this.#sizes.set(revision, bytes)
    this.#bytes += bytes
    const leaving: number[] = []
    for (const [oldest, size] of this.#sizes) {
      const fits = this.#sizes.size <= this.#limits.commits && this.#bytes <= this.#limits.bytes
      if (fits || oldest === revision) break
      this.#sizes.delete(oldest)
      this.#bytes -= size
      this.compacted = oldest
      leaving.push(oldest)
    }
    return leaving
  }
}
