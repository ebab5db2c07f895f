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
  /** SIGTERM, then after `graceMs` SIGKILL; resolves when it has ended for good. */
  readonly stop: (graceMs: number) => Promise<void>
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
  const watch = async () => {
    let backoffMs = 0
    while (child !== undefined) {
      const startedAt = performance.now()
      const code = await child.exited
      if (stopping.signal.aborted) return
      if (performance.now() - startedAt >= healthyMs) backoffMs = 0
      onEnd(child.signalCode === null ? `exit code ${code}` : String(child.signalCode), backoffMs)
      await pause(backoffMs, stopping.signal)
      backoffMs = Math.min(maxBackoffMs, Math.max(firstBackoffMs, backoffMs * 2))
      child = stopping.signal.aborted ? undefined : await start()
      if (stopping.signal.aborted) child?.kill('SIGTERM')
    }
  }
  const watching = watch()
  return {
    pid: () => child?.pid,
    stop: async (graceMs) => {
      stopping.abort()
      const current = child
      if (current !== undefined) {
        current.kill('SIGTERM')
        const timer = setTimeout(() => current.kill('SIGKILL'), graceMs)
        await current.exited
        clearTimeout(timer)
      }
      await watching
    },
  }
}
