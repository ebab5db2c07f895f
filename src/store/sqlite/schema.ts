import { Database, SQLiteError } from 'bun:sqlite'
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { MeshError } from '../../base/index.ts'

const schemaVersion = 1

const schema = `
  CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, create_revision INTEGER NOT NULL, revision INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    revision INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,
    value TEXT, create_revision INTEGER NOT NULL,
    PRIMARY KEY (revision, position)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
  INSERT OR IGNORE INTO meta VALUES ('revision', 0), ('compacted', 0), ('schema', ${schemaVersion});
`

/**
 * Opens (or makes) the database file with its directory, permissions, lock and tables.
 *
 * Synchronous FULL: an answered `apply` must survive a power cut, and commits are rare (a user's apply, a workload that
 * joins), so one fsync each costs nothing that anyone notices. NORMAL would survive kill -9 only.
 *
 * @throws {MeshError} `WEFT_STORE_LOCKED` if another process has it open, `WEFT_STORE_OPEN` for anything else.
 */
export function openDatabase(path: string): Database {
  let database: Database | undefined
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    chmodSync(dirname(path), 0o700)
    // Made by us before SQLite sees it, so that it never exists with wider permissions; -wal and -shm inherit them.
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    database = new Database(path, { readwrite: true, strict: true })
    database.run('PRAGMA busy_timeout = 0')
    database.run('PRAGMA locking_mode = EXCLUSIVE')
    database.run('PRAGMA journal_mode = WAL')
    database.run('PRAGMA synchronous = FULL')
    database.run('BEGIN IMMEDIATE')
    database.run(schema)
    database.run('COMMIT')
    const version = readMeta(database, 'schema')
    if (version !== schemaVersion) {
      throw new MeshError('WEFT_STORE_OPEN', `Expected schema ${schemaVersion} in ${path}, got ${version}`)
    }
    return database
  } catch (cause) {
    database?.close()
    throw asOpenError(path, cause)
  }
}

/** Reads one of the numbers in `meta`. */
export function readMeta(database: Database, name: 'revision' | 'compacted' | 'schema'): number {
  const row = database.query<{ number: number }, [string]>('SELECT number FROM meta WHERE name = ?').get(name)
  if (row === null) throw new MeshError('WEFT_STORE_OPEN', `Expected ${name} in the store's meta table`)
  return row.number
}

function asOpenError(path: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (cause instanceof SQLiteError && cause.code?.startsWith('SQLITE_BUSY') === true) {
    return new MeshError('WEFT_STORE_LOCKED', `Another process has ${path} open`, { cause })
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('WEFT_STORE_OPEN', `Cannot open the store ${path}: ${reason}`, { cause })
}
