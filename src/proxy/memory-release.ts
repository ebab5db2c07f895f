import { createCodePagesRelease } from './executable-pages.ts'

/** How memory is given back. */
export interface MemoryReleaseOptions {
  /** Nothing is given back before it says so. */
  readonly isReady: () => boolean
  /** Pause between looks, milliseconds; 2 s by default. */
  readonly checkMs?: number
  /** CPU time of this process so far, milliseconds. */
  readonly cpuMs?: () => number
  readonly release?: MemoryReleaser
}

/** What can be given back. */
export interface MemoryReleaser {
  /** After the start: what was compiled for it, all garbage, pages of code. Stops everything for about 25 ms. */
  readonly afterStart: () => void
  /** Garbage, and pages of code. Stops everything for about 20 ms. */
  readonly all: () => void
  /** Pages of code only: half a millisecond. */
  readonly codePages: () => void
}

/** Below this share of a core nobody is kept waiting by a collection of garbage; some do, at worst, of those who come while the process is lightly used. */
const share = { quiet: 0.01, light: 0.1, start: 0.25 } as const

/** CPU time after which there is something to give back again, milliseconds: traffic, or a new configuration. */
const workMs = 200

/** Looks from one time to the next, at least. */
const looksBetween = { quiet: 5, light: 30 } as const

/**
 * Gives memory back while there is little to do: once when the proxy serves, and again after each busy time. Under load nothing happens, so
 * that no request waits; the process is looked at again later. The timer keeps no process alive.
 */
export function startMemoryRelease(options: MemoryReleaseOptions): Disposable {
  const { isReady, checkMs = 2_000, cpuMs = processCpuMs, release = createReleaser() } = options
  let seen = cpuMs()
  let releasedAt = seen
  let releases = 0
  let looks = 0
  const look = (): void => {
    const now = cpuMs()
    const used = (now - seen) / checkMs
    seen = now
    looks += 1
    if (!isReady()) return
    if (releases === 0) {
      if (used >= share.start) return
      release.afterStart()
    } else {
      // What a start leaves behind is not all there at the first time: the second comes in any case.
      if (releases > 1 && now - releasedAt < workMs) return
      if (used < share.quiet && looks >= looksBetween.quiet) release.all()
      else if (used < share.light && looks >= looksBetween.light) release.codePages()
      else return
    }
    releases += 1
    looks = 0
    seen = cpuMs()
    releasedAt = seen
  }
  const timer = setInterval(look, checkMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function createReleaser(): MemoryReleaser {
  const releaseCodePages = createCodePagesRelease()
  const all = (): void => {
    Bun.gc(true)
    releaseCodePages()
  }
  return {
    afterStart: () => {
      // Drops what was compiled so far, by the next idle moment. Later on that would be the code that serves.
      Bun.shrink()
      all()
    },
    all,
    codePages: () => void releaseCodePages(),
  }
}
