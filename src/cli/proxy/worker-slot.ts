/** First pause before a crashed worker is started again; doubled each time. */
const firstBackoffMs = 100
const maxBackoffMs = 5_000

/** A worker that lived so long was healthy: its next restart is at once again. */
const healthyMs = 10_000

/** A worker that is not ready by then has failed, in a rolling restart, ms. */
const readyMs = 60_000

/** One process. */
export interface WorkerProcess {
  readonly pid: number
  readonly exited: Promise<number>
  readonly adminSocket: string
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ready: PromiseWithResolvers<boolean>
  reason: string | undefined
}

/** What a slot is given. */
export interface WorkerSlotOptions {
  readonly slot: number
  readonly start: (slot: number) => WorkerProcess
  /** A process is gone for good: its place is taken, or will not be. */
  readonly onLeft: (pid: number) => void
  readonly onRestart: () => void
  readonly log: (text: string) => void
}

/**
 * One of the N places for a worker. A worker that ends without being told to is started again; one that is replaced drains
 * beside its successor.
 *
 *     starting --ready--> serving --crash--> (pause) starting
 *                            +----replace: successor ready--> the old one drains
 */
export class WorkerSlot {
  readonly #options: WorkerSlotOptions
  readonly #leaving = new Set<WorkerProcess>()
  /** A crashed worker whose sockets are kept until its successor has them. */
  readonly #dead: number[] = []
  #current: WorkerProcess
  #startedAt = performance.now()
  #backoffMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopping = false

  constructor(options: WorkerSlotOptions) {
    this.#options = options
    this.#current = this.#start()
  }

  /** The worker that serves, or is to. */
  get current(): WorkerProcess {
    return this.#current
  }

  /** All its processes, those that drain among them. */
  processes(): readonly WorkerProcess[] {
    return [this.#current, ...this.#leaving]
  }

  /**
   * Starts another worker and lets the one before drain when it is ready; answers what went wrong, and then the old one goes on.
   */
  async replace(): Promise<string | undefined> {
    const next = this.#options.start(this.#options.slot)
    const { promise: late, resolve } = Promise.withResolvers<false>()
    const timer = setTimeout(() => resolve(false), readyMs)
    void next.exited.then((code) => {
      next.reason ??= `it ended with exit code ${code}`
      next.ready.resolve(false)
    })
    const isReady = await Promise.race([next.ready.promise, late])
    clearTimeout(timer)
    if (!isReady || this.#isStopping) {
      next.kill('SIGTERM')
      await next.exited
      this.#options.onLeft(next.pid)
      return this.#isStopping ? 'the proxy is ending' : (next.reason ?? `not ready after ${readyMs} ms`)
    }
    // It may have been started again meanwhile, or wait for that.
    clearTimeout(this.#timer)
    const before = this.#current
    this.#current = next
    this.#startedAt = performance.now()
    this.#watch(next)
    this.#leave(before)
    return undefined
  }

  /** Passes a signal to all processes and resolves when they have ended. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#timer)
    const all = this.processes()
    for (const worker of all) worker.kill(signal)
    await Promise.all(all.map(({ exited }) => exited))
  }

  #start(): WorkerProcess {
    const worker = this.#options.start(this.#options.slot)
    this.#startedAt = performance.now()
    this.#watch(worker)
    return worker
  }

  #watch(worker: WorkerProcess): void {
    void worker.ready.promise.then((isReady) => {
      if (!isReady) return
      for (const pid of this.#dead.splice(0)) this.#options.onLeft(pid)
    })
    void worker.exited.then((code) => {
      worker.ready.resolve(false)
      if (worker === this.#current && !this.#isStopping) this.#restart(worker, code)
    })
  }

  #restart(worker: WorkerProcess, code: number): void {
    const { log, onRestart, slot } = this.#options
    if (performance.now() - this.#startedAt >= healthyMs) this.#backoffMs = 0
    const pauseMs = this.#backoffMs
    this.#backoffMs = Math.min(maxBackoffMs, Math.max(firstBackoffMs, pauseMs * 2))
    const why = worker.reason === undefined ? `exit code ${code}` : worker.reason
    log(
      `Worker ${slot} (process ${worker.pid}) ended: ${why}; restarting ${pauseMs === 0 ? 'now' : `in ${pauseMs} ms`}`,
    )
    this.#dead.push(worker.pid)
    onRestart()
    this.#timer = setTimeout(() => {
      this.#current = this.#start()
    }, pauseMs)
  }

  #leave(worker: WorkerProcess): void {
    this.#leaving.add(worker)
    void worker.exited.then(() => {
      this.#leaving.delete(worker)
      this.#options.onLeft(worker.pid)
    })
    // To a worker it means that another one has taken its place.
    worker.kill('SIGUSR2')
  }
}
