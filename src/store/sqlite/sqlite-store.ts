import type { Database } from 'bun:sqlite'
import { checkOperations } from '../check-operations.ts'
import { planOperation, writtenLength } from '../plan-operation.ts'
import { type ChangeLog, ChangeSignal, closedError, watchLog } from '../change-log.ts'
import { defaultHistoryLimits, type HistoryLimits, Retention } from '../retention.ts'
import { type Change, type Store, type StoredObject, type WriteOperation } from '../store.ts'
import { openDatabase, readMeta } from './schema.ts'

/**
 * Opens (or makes) a store in the file `path`, mode 0600, in a directory of mode 0700.
 *
 * @throws {MeshError} `WEFT_STORE_LOCKED` if another process has it open, `WEFT_STORE_OPEN` for anything else.
 */
export function openSqliteStore(path: string, options: { readonly history?: HistoryLimits } = {}): Store {
  return new SqliteStore(openDatabase(path), options.history ?? defaultHistoryLimits)
}

interface ObjectRow {
  readonly key: string
  readonly value: string
  readonly create_revision: number
  readonly revision: number
}

interface ChangeRow {
  readonly revision: number
  readonly key: string
  readonly value: string | null
  readonly create_revision: number
}

class SqliteStore implements Store {
  readonly #database: Database
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #changed = new ChangeSignal()
  readonly #retention: Retention
  #revision: number

  constructor(database: Database, history: HistoryLimits) {
    this.#database = database
    this.#statements = prepareStatements(database)
    this.#revision = readMeta(database, 'revision')
    this.#retention = new Retention(history, readMeta(database, 'compacted'))
    // The limits may be smaller than those of the last run.
    for (const row of this.#statements.sizes.all()) this.#compact(this.#retention.record(row.revision, row.bytes))
  }

  readonly get = async (key: string): Promise<StoredObject | undefined> => {
    this.#assertOpen()
    return this.#find(key)
  }

  readonly list = async (prefix: string) => {
    this.#assertOpen()
    const rows = this.#statements.list.all(prefix, prefix)
    return { objects: rows.map(toObject), revision: this.#revision }
  }

  readonly commit = async (operations: readonly WriteOperation[]): Promise<number> => {
    this.#assertOpen()
    checkOperations(operations)
    const revision = this.#revision + 1
    const transaction = this.#database.transaction(() => {
      const changes: Change[] = []
      for (const operation of operations) {
        const change = planOperation(operation, this.#find(operation.key), revision)
        if (change !== undefined) changes.push(change)
      }
      if (changes.length > 0) this.#write(changes, revision)
      return changes
    })
    const changes = transaction.immediate()
    if (changes.length === 0) return this.#revision
    this.#revision = revision
    this.#compact(this.#retention.record(revision, writtenLength(changes)))
    this.#changed.fire()
    return revision
  }

  readonly watch = (prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<readonly Change[]> => {
    this.#assertOpen()
    const log: ChangeLog = {
      head: () => this.#revision,
      compacted: () => this.#retention.compacted,
      read: (wanted, after, upTo) => groupByRevision(this.#statements.changes.all(after, upTo, wanted, wanted)),
    }
    return watchLog(log, this.#changed, { prefix, revision: fromRevision }, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#changed.closed) return
    this.#changed.close()
    this.#database.close()
  }

  #find(key: string): StoredObject | undefined {
    const row = this.#statements.get.get(key)
    return row === null ? undefined : toObject(row)
  }

  #write(changes: readonly Change[], revision: number): void {
    const { put, remove, append, setMeta } = this.#statements
    for (const [position, change] of changes.entries()) {
      if (change.kind === 'put') {
        const { key, value, createRevision } = change.object
        put.run(key, value, createRevision, revision)
        append.run(revision, position, key, value, createRevision)
      } else {
        remove.run(change.key)
        append.run(revision, position, change.key, null, 0)
      }
    }
    setMeta.run(revision, 'revision')
  }

  /** Outside the commit's transaction: a crash in between keeps too much history, never too little. */
  #compact(leaving: readonly number[]): void {
    const last = leaving.at(-1)
    if (last === undefined) return
    this.#database.transaction(() => {
      this.#statements.setMeta.run(last, 'compacted')
      this.#statements.forget.run(last)
    })()
  }

  #assertOpen(): void {
    if (this.#changed.closed) throw closedError()
  }
}

function prepareStatements(database: Database) {
  return {
    get: database.query<ObjectRow, [string]>('SELECT * FROM objects WHERE key = ?'),
    // A range scan: keys are printable ASCII, so prefix || DEL is above every key that starts with the prefix.
    list: database.query<ObjectRow, [string, string]>(
      'SELECT * FROM objects WHERE key >= ? AND key < ? || char(127) ORDER BY key',
    ),
    put: database.query('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)'),
    remove: database.query('DELETE FROM objects WHERE key = ?'),
    append: database.query('INSERT INTO changes VALUES (?, ?, ?, ?, ?)'),
    changes: database.query<ChangeRow, [number, number, string, string]>(
      'SELECT revision, key, value, create_revision FROM changes WHERE revision > ? AND revision <= ? ' +
        'AND key >= ? AND key < ? || char(127) ORDER BY revision, position',
    ),
    sizes: database.query<{ revision: number; bytes: number }, []>(
      'SELECT revision, sum(coalesce(length(value), 0)) AS bytes FROM changes GROUP BY revision ORDER BY revision',
    ),
    forget: database.query('DELETE FROM changes WHERE revision <= ?'),
    setMeta: database.query('UPDATE meta SET number = ? WHERE name = ?'),
  }
}

function toObject(row: ObjectRow): StoredObject {
  return { key: row.key, value: row.value, createRevision: row.create_revision, revision: row.revision }
}

function groupByRevision(rows: readonly ChangeRow[]): readonly (readonly Change[])[] {
  const commits = new Map<number, Change[]>()
  for (const { revision, key, value, create_revision: createRevision } of rows) {
    const change: Change =
      value === null
        ? { kind: 'delete', revision, key }
        : { kind: 'put', revision, object: { key, value, createRevision, revision } }
    const commit = commits.get(revision)
    if (commit === undefined) commits.set(revision, [change])
    else commit.push(change)
  }
  return [...commits.values()]
}
