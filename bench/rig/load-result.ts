/** What a load run measured. */
export interface LoadResult {
  /** Requests (or handshakes) that were answered. */
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Only from loads that keep enough samples. */
  readonly p999Ms?: number
  /** Failed connections, reads, writes, timeouts, resets, and answers that are not the expected one. */
  readonly errors: number
}

/** The value at a share (0 to 1) of numbers sorted upwards; NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Runs a load program pinned to a core; what it printed. Throws when it ends with another code than 0. */
export async function runPinned(core: number, argv: readonly string[]): Promise<string> {
  const run = Bun.spawn(['taskset', '-c', String(core), ...argv], { stdout: 'pipe', stderr: 'pipe' })
  const [text, errorText, exitCode] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  if (exitCode !== 0) throw new Error(`${argv[0]} ended with ${exitCode}: ${errorText}${text}`)
  return text
}
