/** Batches that are remembered; an older one is answered as if it had concerned every proxy. */
const maxBatches = 2000

interface Batch {
  /** Revisions in `(after, upTo]`. */
  readonly after: number
  readonly upTo: number
  readonly affected: ReadonlySet<string>
}

/** Which proxies each revision concerned, so that somebody can wait for one revision. */
export class PushHistory {
  readonly #batches: Batch[] = []

  /** Notes a push of the revisions in `(after, upTo]` to these workloads. */
  record(after: number, upTo: number, affected: ReadonlySet<string>): void {
    this.#batches.push({ after, upTo, affected })
    if (this.#batches.length > maxBatches) this.#batches.splice(0, this.#batches.length - maxBatches)
  }

  /** Ids of the workloads that a revision concerned; undefined when that is no longer known. */
  affected(revision: number): ReadonlySet<string> | undefined {
    return this.#batches.findLast((batch) => batch.after < revision && revision <= batch.upTo)?.affected
  }
}
