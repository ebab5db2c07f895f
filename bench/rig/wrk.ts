import { callerHeader, concurrency, requestPath } from '../job.ts'
import { type LoadResult, runPinned } from './load-result.ts'

/** Runs wrk, pinned to a core, with keep-alive connections of HTTP/1.1: 64 when nothing else is said. */
export async function runWrk(
  core: number,
  port: number,
  options: { readonly seconds: number; readonly connections?: number },
): Promise<LoadResult> {
  const text = await runPinned(core, [
    'wrk',
    '-t1',
    `-c${options.connections ?? concurrency}`,
    `-d${options.seconds}s`,
    '--latency',
    '-H',
    `${callerHeader.name}: ${callerHeader.value}`,
    `http://127.0.0.1:${port}${requestPath}`,
  ])
  return parseWrk(text)
}

function parseWrk(text: string): LoadResult {
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)
  const statusErrors = /Non-2xx or 3xx responses: (\d+)/.exec(text)
  const failed = [...(socketErrors?.slice(1) ?? []), statusErrors?.[1] ?? '0'].reduce(
    (sum, count) => sum + Number(count),
    0,
  )
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
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
