/** What a load run measured. */
export interface LoadResult {
  readonly requests: number
  readonly rps: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Failed connections, reads, writes, timeouts, and answers that are not 2xx or 3xx. */
  readonly errors: number
}

/** Runs wrk, pinned to a core, with 64 keep-alive connections. */
export async function runLoad(core: number, url: string, seconds: number): Promise<LoadResult> {
  const run = Bun.spawn(['taskset', '-c', String(core), 'wrk', '-t1', '-c64', `-d${seconds}s`, '--latency', url], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [text, errorText, exitCode] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  if (exitCode !== 0) throw new Error(`wrk ended with ${exitCode}: ${errorText}`)
  return parseWrk(text)
}

/** Reads wrk's report. */
export function parseWrk(text: string): LoadResult {
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  const statusErrors = /Non-2xx or 3xx responses: (\d+)/.exec(text)
  const failed = [...(socketErrors?.slice(1) ?? []), statusErrors?.[1] ?? '0'].reduce(
    (sum, count) => sum + Number(count),
    0,
  )
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    p50Ms: latency(text, 50),
    p99Ms: latency(text, 99),
    errors: failed,
  }
}

function latency(text: string, percentile: number): number {
  const found = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)`, 'm').exec(text)
  if (found === null) return Number.NaN
  const factor = found[2] === 'us' ? 0.001 : found[2] === 'ms' ? 1 : 1000
  return Number(found[1]) * factor
}
