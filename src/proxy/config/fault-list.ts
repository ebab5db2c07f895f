import { err, ok, type Result } from '../../base/index.ts'
import type { FieldFault } from './field-fault.ts'

/** Faults bound: a resource with more than this is broken as a whole, and the report must stay readable. */
const maxFaults = 200

/** Collects the faults of one resource: all of them, at most one for each path, in the order found. */
export class FaultList {
  readonly #byPath = new Map<string, FieldFault>()

  /** Adds a fault; a second one at the same path adds nothing new. */
  add(path: string, message: string): void {
    if (this.#byPath.size < maxFaults && !this.#byPath.has(path)) this.#byPath.set(path, { path, message })
  }

  get isEmpty(): boolean {
    return this.#byPath.size === 0
  }

  /** The value when nothing is wrong, otherwise every fault. */
  finish<Value>(value: Value): Result<Value, readonly FieldFault[]> {
    return this.isEmpty ? ok(value) : err([...this.#byPath.values()])
  }
}

/** `parent.field`; just `field` at the top. */
export function fieldPath(parent: string, field: string): string {
  return parent === '' ? field : `${parent}.${field}`
}

/** `parent["key"]`, for maps. */
export function keyPath(parent: string, key: string): string {
  return `${parent}[${JSON.stringify(key)}]`
}
