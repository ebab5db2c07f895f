/** A broken invariant: a bug of Weft's own, never a fault of the user's input. Only the owner of a connection, stream or task catches it. */
export class BugError extends Error {
  override readonly name = 'BugError'
}

/**
 * Asserts what the program relies on.
 *
 * @throws {BugError} If `condition` does not hold.
 */
export function invariant(condition: unknown, text: string): asserts condition {
  if (!condition) throw new BugError(text)
}

/**
 * Ends an exhaustive switch: the compiler refuses the call when a case is missing.
 *
 * @throws {BugError} If it is reached at run time.
 */
export function assertNever(value: never): never {
  throw new BugError(`Unexpected value ${JSON.stringify(value)}`)
}
