/** The value of an operation that worked. */
export interface Ok<Value> {
  readonly ok: true
  readonly value: Value
}

/** The reason of an operation that did not work. */
export interface Err<Fault> {
  readonly ok: false
  readonly error: Fault
}

/** An expected outcome, good or bad, without a thrown error. */
export type Result<Value, Fault> = Ok<Value> | Err<Fault>

/** Wraps a value as the good outcome. */
export function ok<Value>(value: Value): Ok<Value> {
  return { ok: true, value }
}

/** Wraps a reason as the bad outcome. */
export function err<Fault>(error: Fault): Err<Fault> {
  return { ok: false, error }
}
