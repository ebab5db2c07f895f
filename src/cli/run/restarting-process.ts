import { pause } from './wait-until.ts'

/** First pause before a restart that follows too closely on the one before; doubled each time. */
const firstBackoffMs = 100
const maxBackoffMs = 5_000

/** A process that lived this long was healthy: its next restart is at once again. */
const healthyMs = 10_000

/** The part of a child process that is looked at here. */
export interface Child {
  readonly pid: number
  readonly exited: Promise<number>
  readonly signalCode: string | number | null
  readonly kill: (signal: NodeJS.Signals) => void
}

/** A process that is started again whenever it ends, until it is stopped. */
export interface RestartingProcess {
  readonly pid: () => number | undefined
  /**
   * Starts another process beside the running one, which is expected to end by itself once the other is ready; false when the other ended
   * before, or is not ready in time: then it is stopped and the first one goes on.
   */
  readonly replace: (options: ReplaceOptions) => Promise<boolean>
  /** SIGTERM, then after `graceMs` SIGKILL; resolves when it has ended for good. */
  readonly stop: (graceMs: number) => Promise<void>
}

/** How a running process is replaced. */
export interface ReplaceOptions {
  readonly start: () => Promise<Child>
  /** Resolves with true when the process of this id has taken over; gives up when `signal` aborts. */
  readonly isReady: (pid: number, signal: AbortSignal) => Promise<boolean>
}

/** How to start and what to tell. */
export interface RestartingOptions {
  /** Starts the process; called again for every restart. */
  readonly start: () => Promise<Child>
  /** Told of every end that was not asked for. */
  readonly onEnd: (how: string, restartInMs: number) => void
}

/** Starts a process and keeps it running: at once after the first end, with growing pauses when it goes on ending. */
export async function keepRunning({ start, onEnd }: RestartingOptions): Promise<RestartingProcess> {
  const stopping = new AbortController()
  let child: Child | undefined = await start()
  let replacing: Promise<boolean> | undefined
  /** Replaced, and still draining. */
  const leaving = new Set<Child>()
  const watch = async () => {
    let backoffMs = 0
    while (child !== undefined) {
      const startedAt = performance.now()
      const current: Child = child
      const code = await current.exited
      // Without anything to drain it may end before its successor's readiness was noticed here.
      await replacing
      leaving.delete(current)
      if (stopping.signal.aborted) return
      if (child !== current) continue
      if (performance.now() - startedAt >= healthyMs) backoffMs = 0
      onEnd(current.signalCode === null ? `exit code ${code}` : String(current.signalCode), backoffMs)
      await pause(backoffMs, stopping.signal)
      backoffMs = Math.min(maxBackoffMs, Math.max(firstBackoffMs, backoffMs * 2))
      child = stopping.signal.aborted ? undefined : await start()
      if (stopping.signal.aborted) child?.kill('SIGTERM')
    }
  }
  const watching = watch()
  return {
    pid: () => child?.pid,
    replace: async (options) => {
      if (replacing !== undefined || child === undefined || stopping.signal.aborted) return false
      const attempt = startSuccessor(options, stopping.signal).then((next) => {
        if (next === undefined || child === undefined) return false
        leaving.add(child)
        child = next
        return true
      })
      replacing = attempt
      const replaced = await attempt.catch(() => false)
      replacing = undefined
      return replaced
    },
    stop: async (graceMs) => {
      stopping.abort()
      await replacing?.catch(() => false)
      const all = child === undefined ? [...leaving] : [child, ...leaving]
      const timer = setTimeout(() => {
        for (const one of all) one.kill('SIGKILL')
      }, graceMs)
      for (const one of all) one.kill('SIGTERM')
      await Promise.all(all.map(({ exited }) => exited))
      clearTimeout(timer)
      await watching
    },
  }
}

async function startSuccessor({ start, isReady }: ReplaceOptions, stop: AbortSignal): Promise<Child | undefined> {
  const next = await start()
  const ended = new AbortController()
  void next.exited.then(() => ended.abort())
  const ready = await isReady(next.pid, AbortSignal.any([ended.signal, stop]))
  if (ready && !ended.signal.aborted && !stop.aborted) return next
  next.kill('SIGTERM')
  await next.exited
  return undefined
}
