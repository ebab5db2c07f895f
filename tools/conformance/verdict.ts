/** What a judge found: cases that passed, and one line for each that did not. */
export interface Verdict {
  readonly passed: number
  readonly faults: readonly string[]
}
