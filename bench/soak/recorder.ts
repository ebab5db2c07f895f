/** Counts what was asked of the proxies and how it ended. */

/** A time in which operations may fail, since something was broken on purpose. */
export interface FaultWindow {
  readonly name: string
  readonly from: number
  until: number
  /** Kinds that may fail; absent: all. */
  readonly kinds: readonly string[] | undefined
}

/** Operations of a kind. */
export interface KindCount {
  succeeded: number
  /** Failed in a fault window that explains it. */
  excused: number
  unexpected: number
  /** Not begun, since too many of the kind ran. */
  skipped: number
}

/** A failure that nothing explains. */
export interface UnexpectedFailure {
  readonly atSeconds: number
  readonly kind: string
  readonly message: string
}

const operationTimeoutMs = 20_000

/** The books of a run; failures that no fault explains are printed as they come. */
export class Recorder {
  readonly kinds = new Map<string, KindCount>()
  readonly unexpected: UnexpectedFailure[] = []
  readonly #windows: FaultWindow[] = []
  readonly #running = new Map<string, number>()
  readonly #startedAt = performance.now()

  /** Of the run. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000
  }

  get running(): number {
    return [...this.#running.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Kinds that run, for a message. */
  describeRunning(): string {
    return [...this.#running].flatMap(([kind, count]) => (count === 0 ? [] : [`${count} ${kind}`])).join(', ')
  }

  /** Opens a window; `until` is set by `close`. */
  openWindow(name: string, kinds?: readonly string[]): { readonly close: (afterMs?: number) => void } {
    const window: FaultWindow = { name, from: performance.now(), until: Number.POSITIVE_INFINITY, kinds }
    this.#windows.push(window)
    return { close: (afterMs = 0) => void (window.until = performance.now() + afterMs) }
  }

  /** Runs an operation to its end and counts it; more than `most` of a kind at once are not begun. */
  async run(kind: string, most: number, operation: () => Promise<void>): Promise<void> {
    const count = this.#countOf(kind)
    const running = this.#running.get(kind) ?? 0
    if (running >= most) {
      count.skipped += 1
      return
    }
    this.#running.set(kind, running + 1)
    const from = performance.now()
    try {
      await within(operation(), operationTimeoutMs)
      count.succeeded += 1
    } catch (cause) {
      this.#fail(kind, from, cause instanceof Error ? cause.message : String(cause))
    } finally {
      this.#running.set(kind, (this.#running.get(kind) ?? 1) - 1)
    }
  }

  #fail(kind: string, from: number, message: string): void {
    const excuse = this.#windows.find((window) => {
      return window.until >= from && (window.kinds === undefined || window.kinds.includes(kind))
    })
    const count = this.#countOf(kind)
    if (excuse !== undefined) {
      count.excused += 1
      return
    }
    count.unexpected += 1
    const failure = { atSeconds: this.seconds, kind, message }
    this.unexpected.push(failure)
    console.log(`UNEXPECTED ${failure.atSeconds.toFixed(1)} s  ${kind}: ${message}`)
  }

  #countOf(kind: string): KindCount {
    const known = this.kinds.get(kind)
    if (known !== undefined) return known
    const count = { succeeded: 0, excused: 0, unexpected: 0, skipped: 0 }
    this.kinds.set(kind, count)
    return count
  }
}

/** Rejects when `promise` takes longer. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Expected an end within ${ms} ms`)), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
