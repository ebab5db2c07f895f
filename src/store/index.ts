/**
 * The list-and-watch contract behind which all state lives: memory and SQLite here, etcd and the Kubernetes API later.
 * One contract suite (`contract.ts`) runs against every implementation. Knows nothing of what the values mean.
 */
export {
  type Change,
  CompactedError,
  ConflictError,
  type Store,
  type StoredObject,
  type WriteOperation,
} from './store.ts'
export { type HistoryLimits } from './retention.ts'
