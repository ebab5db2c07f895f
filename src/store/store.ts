import { MeshError } from '../base/index.ts'

/** A stored value with its history. */
export interface StoredObject {
  /** Slash-separated, for example `resources/networking.istio.io/VirtualService/default/reviews`. */
  readonly key: string
  /** Text, JSON by convention; at most 1 MiB. */
  readonly value: string
  /** Store revision at which the key was last created. */
  readonly createRevision: number
  /** Store revision of the last write. */
  readonly revision: number
}

/** One step of an atomic commit. */
export type WriteOperation =
  | {
      readonly kind: 'put'
      readonly key: string
      readonly value: string
      /** Write only if the key's revision is this; 0 means the key must not exist. */
      readonly expectedRevision?: number
    }
  | { readonly kind: 'delete'; readonly key: string; readonly expectedRevision?: number }

/** A committed change, in commit order. All changes of one commit carry the same revision. */
export type Change =
  | { readonly kind: 'put'; readonly revision: number; readonly object: StoredObject }
  | { readonly kind: 'delete'; readonly revision: number; readonly key: string }

/** Versioned keys with list and watch; revisions grow by one for each commit and survive restarts. */
export interface Store extends AsyncDisposable {
  readonly get: (key: string) => Promise<StoredObject | undefined>
  /** Objects whose key starts with `prefix`, sorted by key, with the revision they were read at. */
  readonly list: (prefix: string) => Promise<{ readonly objects: readonly StoredObject[]; readonly revision: number }>
  /**
   * Applies all operations or none, and answers the new revision. Deleting a key that is not there changes nothing.
   * A commit that changes nothing takes no new revision.
   *
   * @throws {ConflictError} If an expected revision does not hold.
   */
  readonly commit: (operations: readonly WriteOperation[]) => Promise<number>
  /**
   * Changes under `prefix` after `fromRevision`, one array for each commit, until `signal` aborts.
   *
   * @throws {CompactedError} If changes after `fromRevision` are no longer kept; list again.
   */
  readonly watch: (prefix: string, fromRevision: number, signal: AbortSignal) => AsyncIterable<readonly Change[]>
}

/** A commit whose expectation did not hold. */
export class ConflictError extends MeshError {
  override readonly name = 'ConflictError'
  constructor(key: string, expected: number, actual: number) {
    super('WEFT_STORE_CONFLICT', `Expected revision ${expected} of ${key}, found ${actual}`)
  }
}

/** A watch that asks for history that is gone. */
export class CompactedError extends MeshError {
  override readonly name = 'CompactedError'
  constructor(requested: number, oldest: number) {
    super('WEFT_STORE_COMPACTED', `Revision ${requested} was compacted, the oldest kept is ${oldest}`)
  }
}
