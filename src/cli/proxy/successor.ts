import { handoverVariable } from './proxy-command-options.ts'

/** A running attempt to replace this process. */
interface Attempt {
  readonly pid: number
  reason: string | undefined
  state: 'starting' | 'ready' | 'failed'
}

/** How a process is replaced. */
export interface SuccessionOptions {
  /** Starts the successor with these variables added to the environment; answers its process id and how it ends. */
  readonly start: (env: Readonly<Record<string, string>>) => { readonly pid: number; readonly exited: Promise<number> }
  /** Where sockets are handed over. */
  readonly path: string
  /** Why this process does not start a successor itself, if so. */
  readonly refusal: string | undefined
  readonly onReady: () => void
  readonly log: (text: string) => void
}

/**
 * Hot restart seen from the process that is replaced. Whatever becomes of the successor before it is ready, this process goes on and
 * says what happened.
 */
export class Succession {
  readonly #options: SuccessionOptions
  #attempt: Attempt | undefined
  #isOver = false

  constructor(options: SuccessionOptions) {
    this.#options = options
  }

  /** A successor serves. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Starts a successor of this command line with the executable that is on disk now (SIGUSR2). */
  begin(): void {
    const { refusal, log, path, start } = this.#options
    if (refusal !== undefined) return log(`No hot restart: ${refusal}`)
    if (this.#isOver) return log('No hot restart: this process has a successor already')
    if (this.#attempt?.state === 'starting') return log(`Process ${this.#attempt.pid} is being started already`)
    const child = start({ [handoverVariable]: path })
    const attempt: Attempt = { pid: child.pid, reason: undefined, state: 'starting' }
    this.#attempt = attempt
    log(`Hot restart: process ${child.pid} starts`)
    void child.exited.then((code) => {
      if (attempt.state === 'starting') this.#fail(attempt, `it ended with exit code ${code}`)
    })
  }

  /** A process connected, took sockets, and serves. */
  onReady(pid: number): void {
    if (this.#attempt?.pid === pid) this.#attempt.state = 'ready'
    if (this.#isOver) return
    this.#isOver = true
    this.#options.log(`Process ${pid} serves in place of this one`)
    this.#options.onReady()
  }

  /** A process said that it ends without being ready. */
  onFailed(pid: number, reason: string): void {
    if (this.#attempt?.pid === pid) this.#fail(this.#attempt, reason)
    else this.#options.log(failureText(pid, reason))
  }

  #fail(attempt: Attempt, reason: string): void {
    if (attempt.state !== 'starting') return
    attempt.state = 'failed'
    this.#options.log(failureText(attempt.pid, reason))
  }
}

function failureText(pid: number, reason: string): string {
  return `Hot restart failed, this process goes on: process ${pid} was not ready: ${reason}`
}
