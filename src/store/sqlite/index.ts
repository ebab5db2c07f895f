/**
 * The store contract on SQLite (built into the runtime): one file, one writer process, every answered commit durable.
 *
 *     objects  key -> value, create_revision, revision        the present
 *     changes  revision, position, key, value                 bounded history for watches that resume
 *     meta     name -> number                                 current and compacted revision, schema version
 *
 * A second process that opens the same file is refused (exclusive lock): two control planes on one data directory
 * would each miss the other's commits. It must not know what values mean.
 */
export { openSqliteStore } from './sqlite-store.ts'
