import { type Change, ConflictError, type StoredObject, type WriteOperation } from './store.ts'

/**
 * The change that one step of a commit makes to the object that is there; undefined when it changes nothing.
 *
 * @throws {ConflictError} If the expected revision does not hold.
 */
export function planOperation(
  operation: WriteOperation,
  present: StoredObject | undefined,
  revision: number,
): Change | undefined {
  const { key, expectedRevision } = operation
  const actual = present?.revision ?? 0
  if (expectedRevision !== undefined && expectedRevision !== actual) {
    throw new ConflictError(key, expectedRevision, actual)
  }
  if (operation.kind === 'delete') return present === undefined ? undefined : { kind: 'delete', revision, key }
  const { value } = operation
  if (present?.value === value) return undefined
  const object = Object.freeze({ key, value, createRevision: present?.createRevision ?? revision, revision })
  return { kind: 'put', revision, object }
}

/** Size of the values that a commit writes, in characters: what its place in the history costs. */
export function writtenLength(changes: readonly Change[]): number {
  return changes.reduce((sum, change) => sum + (change.kind === 'put' ? change.object.value.length : 0), 0)
}
