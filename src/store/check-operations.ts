import { MeshError } from '../base/index.ts'
import type { WriteOperation } from './store.ts'

/** Bounds of what a store takes; the same in every implementation, so that moving between them never fails half way. */
const storeLimits = {
  /** Bytes of a key. */
  keyBytes: 1024,
  /** Bytes of a value, UTF-8. */
  valueBytes: 1024 * 1024,
  /** Operations of one commit. */
  operations: 20_000,
} as const

/** Printable ASCII without space: sorts the same by UTF-16 unit (JavaScript) and by byte (SQLite, etcd). */
const keyPattern = /^[!-~]+$/

/**
 * Refuses what no store takes: too many operations, a malformed or repeated key, an over-long value.
 *
 * @throws {MeshError} `WEFT_STORE_INVALID`.
 */
export function checkOperations(operations: readonly WriteOperation[]): void {
  if (operations.length > storeLimits.operations) {
    throw invalid(`Expected at most ${storeLimits.operations} operations in a commit, got ${operations.length}`)
  }
  const seen = new Set<string>()
  for (const operation of operations) {
    const { key } = operation
    if (!keyPattern.test(key) || key.length > storeLimits.keyBytes) {
      throw invalid(
        `Expected a key of 1 to ${storeLimits.keyBytes} printable ASCII characters, got ${JSON.stringify(key.slice(0, 100))}`,
      )
    }
    if (seen.has(key)) throw invalid(`Expected each key once in a commit, got ${key} twice`)
    seen.add(key)
    if (operation.kind === 'put' && Buffer.byteLength(operation.value) > storeLimits.valueBytes) {
      throw invalid(
        `Expected at most ${storeLimits.valueBytes} bytes in ${key}, got ${Buffer.byteLength(operation.value)}`,
      )
    }
  }
}

function invalid(message: string): MeshError {
  return new MeshError('WEFT_STORE_INVALID', message)
}
