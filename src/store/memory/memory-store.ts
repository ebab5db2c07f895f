import { checkOperations } from '../check-operations.ts'
import { planOperation, writtenLength } from '../plan-operation.ts'
import { type ChangeLog, ChangeSignal, closedError, watchLog } from '../change-log.ts'
import { defaultHistoryLimits, type HistoryLimits, Retention } from '../retention.ts'
import { type Change, type Store, type StoredObject, type WriteOperation } from '../store.ts'

/** Makes an empty store that lives as long as the process. For tests and throw-away meshes. */
export function createMemoryStore(options: { readonly history?: HistoryLimits } = {}): Store {
  return new MemoryStore(options.history ?? defaultHistoryLimits)
}

class MemoryStore implements Store {
  readonly #objects = new Map<string, StoredObject>()
  readonly #log = new Map<number, readonly Change[]>()
  readonly #changed = new ChangeSignal()
  readonly #retention: Retention
  #revision = 0

  constructor(history: HistoryLimits) {
    this.#retention = new Retention(history, 0)
  }

  readonly get = async (key: string): Promise<StoredObject | undefined> => {
    this.#assertOpen()
    return this.#objects.get(key)
  }

  readonly list = async (prefix: string) => {
    this.#assertOpen()
    const objects = [...this.#objects.values()]
      .filter((object) => object.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    return { objects, revision: this.#revision }
  }

  readonly commit = async (operations: readonly WriteOperation[]): Promise<number> => {
    this.#assertOpen()
    checkOperations(operations)
    const revision = this.#revision + 1
    const changes: Change[] = []
    for (const operation of operations) {
      const change = planOperation(operation, this.#objects.get(operation.key), revision)
      if (change !== undefined) changes.push(change)
    }
    if (changes.length === 0) return this.#revision
    for (const change of changes) {
      if (change.kind === 'put') this.#objects.set(change.object.key, change.object)
      else this.#objects.delete(change.key)
    }
    this.#revision = revision
    this.#log.set(revision, changes)
    for (const leaving of this.#retention.record(revision, writtenLength(changes))) this.#log.delete(leaving)
    this.#changed.fire()
    return revision
  }

  readonly watch = (prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<readonly Change[]> => {
    this.#assertOpen()
    const log: ChangeLog = {
      head: () => this.#revision,
      compacted: () => this.#retention.compacted,
      read: (wanted, after, upTo) => this.#read(wanted, after, upTo),
    }
    return watchLog(log, this.#changed, { prefix, revision: fromRevision }, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#changed.close()
    this.#objects.clear()
    this.#log.clear()
  }

  #read(prefix: string, after: number, upTo: number): readonly (readonly Change[])[] {
    const commits: (readonly Change[])[] = []
    for (let revision = after + 1; revision <= upTo; revision++) {
      const changes = (this.#log.get(revision) ?? []).filter((change) =>
        (change.kind === 'put' ? change.object.key : change.key).startsWith(prefix),
      )
      if (changes.length > 0) commits.push(changes)
    }
    return commits
  }

  #assertOpen(): void {
    if (this.#changed.closed) throw closedError()
  }
}
