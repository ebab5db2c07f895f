/** What an upstream does when it is checked; `poison`: a client's request is told that the upstream must get no more, then the check passes. */
export type Answer = '200' | '204' | '429' | '500' | '503' | 'degraded' | 'immediate' | 'close' | 'silence' | 'poison'

/** An application that is checked: it answers at once, always the same, until it is told to hold; then each check waits for its answer. */
export interface CheckedUpstream extends Disposable {
  readonly port: number
  /** From the next check on, each is held. */
  readonly hold: () => void
  /** What each check that was held said, without what differs from machine to machine. */
  readonly checks: readonly string[]
  /** Resolves when this many checks have been held; the last of them waits for its answer. */
  readonly checked: (count: number) => Promise<void>
  /** Answers the check that waits. */
  readonly answer: (answer: Answer) => void
}

/** Holds checks until they are to be answered; the part that all upstreams share. */
export class CheckGate {
  readonly checks: string[] = []
  readonly #first: Answer
  #holds = false
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []
  #held: ((answer: Answer) => void) | undefined

  constructor(first: Answer) {
    this.#first = first
  }

  /** A check came; `give` is called with what it is to be answered. */
  onCheck(text: string, give: (answer: Answer) => void): void {
    if (!this.#holds) {
      give(this.#first)
      return
    }
    this.checks.push(text)
    this.#held = give
    for (const waiter of this.#waiting) if (this.checks.length >= waiter.count) waiter.resolve()
  }

  readonly hold = (): void => {
    this.#holds = true
  }

  readonly checked = (count: number): Promise<void> =>
    new Promise((resolve) => {
      if (this.checks.length >= count) resolve()
      else this.#waiting.push({ count, resolve })
    })

  readonly answer = (answer: Answer): void => {
    const give = this.#held
    this.#held = undefined
    give?.(answer)
  }
}
