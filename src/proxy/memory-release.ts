import { createCodePagesRelease } from './executable-pages.ts'

/** How memory is given back. */
export interface MemoryReleaseOptions {
  /** Nothing is given back before it says so. */
  readonly isReady: () => boolean
  /** Pause between looks, milliseconds; 2 s by default. */
  readonly checkMs?: number
  /** CPU time of this process so far, milliseconds. */
  readonly cpuMs?: () => number
  /** Gives back; told whether it is the first time. */
  readonly release?: (isFirst: boolean) => void
}

/** A process is quiet when it uses less than this share of a core from one look to the next. */
const quietShare = 0.01

/** CPU time after which a quiet process has something to give back again, milliseconds: traffic, or a large configuration. */
const workMs = 200

/** Looks from one time to the next, at least. */
const looksBetween = 5

/**
 * Gives memory back when nothing happens: once when the proxy serves, and again after each busy time. It never happens under load, so no
 * request waits for it: a process that is not quiet is looked at again later. The timer keeps no process alive.
 */
export function startMemoryRelease(options: MemoryReleaseOptions): Disposable {
  const { isReady, checkMs = 2_000, cpuMs = processCpuMs, release = createRelease() } = options
  let seen = cpuMs()
  let released: number | undefined
  let looks = 0
  const look = (): void => {
    const now = cpuMs()
    const isQuiet = now - seen < checkMs * quietShare
    seen = now
    looks += 1
    if (!isQuiet || !isReady()) return
    if (released !== undefined && (looks < looksBetween || now - released < workMs)) return
    release(released === undefined)
    looks = 0
    seen = cpuMs()
    released = seen
  }
  const timer = setInterval(look, checkMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function createRelease(): (isFirst: boolean) => void {
  const releaseCodePages = createCodePagesRelease()
  return (isFirst) => {
    // Also drops what was compiled so far: at the first time that is the code of the start. Later it would be the code that serves.
    if (isFirst) Bun.shrink()
    Bun.gc(true)
    releaseCodePages()
  }
}
