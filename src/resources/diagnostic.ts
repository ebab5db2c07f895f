/** `error` stops an apply; `warning` is stored and shown; `info` only informs. */
export type Severity = 'error' | 'warning' | 'info'

/**
 * One fault in a user's file. All faults of an apply are collected before any is reported; none is ever thrown.
 * Printed as `file:line:column: field: expected X, got Y. remedy [CODE]`.
 */
export interface Diagnostic {
  /** Stable code, `WEFT_<AREA>_<WHAT>`, listed in `docs/errors.md`. */
  readonly code: string
  readonly severity: Severity
  readonly file: string
  /** 1-based; the field's own position, or the nearest existing parent's when the field is missing. */
  readonly line: number
  /** 1-based. */
  readonly column: number
  /** `Kind namespace/name`, or empty when the envelope itself is unreadable. */
  readonly resource: string
  /** Path in the document, for example `spec.http[0].route[1].weight`. */
  readonly field: string
  readonly message: string
  readonly expected?: string
  readonly got?: string
  /** What to do about it. */
  readonly remedy?: string
}
