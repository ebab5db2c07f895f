/**
 * The store contract in memory: for tests and for a control plane that should leave nothing behind.
 * Everything is gone with the process; the bounded change log is a map from revision to changes.
 *
 * It must not know what values mean, and shares validation, retention and watching with the other stores.
 */
export { createMemoryStore } from './memory-store.ts'
