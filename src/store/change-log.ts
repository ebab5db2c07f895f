import { MeshError } from '../base/index.ts'
import { type Change, CompactedError } from './store.ts'

/** What a watch reads: the kept history of a store. */
export interface ChangeLog {
  /** Newest revision. */
  readonly head: () => number
  /** Highest revision whose changes are gone. */
  readonly compacted: () => number
  /** Commits with a revision in `(after, upTo]`, oldest first, each only with its changes under `prefix`; empty commits left out. */
  readonly read: (prefix: string, after: number, upTo: number) => readonly (readonly Change[])[]
}

/** Commits read at once: a watcher far behind does not hold the event loop. */
const readAhead = 64

/** Wakes watches when something was committed, and ends them when the store closes. Holds no data. */
export class ChangeSignal {
  #waiting = new Set<() => void>()
  #closed = false

  get closed(): boolean {
    return this.#closed
  }

  /** Wakes every watch. */
  fire(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true
    this.fire()
  }

  /** Resolves at the next commit, at the end of the store, or when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    const onAbort = () => resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      this.#waiting.delete(resolve)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/**
 * The watch of every store that keeps a change log. A watcher owns a cursor and no queue: one that is slow costs
 * nothing, and one that falls behind the kept history gets a {@link CompactedError}.
 */
export async function* watchLog(
  log: ChangeLog,
  changed: ChangeSignal,
  from: { readonly prefix: string; readonly revision: number },
  signal: AbortSignal,
): AsyncGenerator<readonly Change[]> {
  let cursor = from.revision
  // A revision that was never reached belongs to another history (a store that began anew): only a list helps.
  if (cursor > log.head()) throw new CompactedError(cursor, log.head())
  while (!signal.aborted && !changed.closed) {
    if (cursor < log.compacted()) throw new CompactedError(cursor, log.compacted())
    const upTo = Math.min(log.head(), cursor + readAhead)
    if (upTo === cursor) {
      await changed.wait(signal)
      continue
    }
    const commits = log.read(from.prefix, cursor, upTo)
    cursor = upTo
    for (const changes of commits) {
      yield changes
      if (signal.aborted || changed.closed) return
    }
  }
}

/** The error of every call on a store that was disposed. */
export function closedError(): MeshError {
  return new MeshError('WEFT_STORE_CLOSED', 'The store was closed')
}
