import { callerHeader, requestPath } from '../job.ts'
import { type LoadResult, runPinned } from './load-result.ts'

const workers = 16

/** Makes TLS handshakes, one small request each, sixteen at a time, with the program made of `handshakes.go`. */
export async function runHandshakes(
  core: number,
  port: number,
  options: { readonly program: string; readonly kind: 'full' | 'resumed'; readonly seconds: number },
): Promise<LoadResult> {
  const { program, kind, seconds } = options
  const argv = [program, String(port), kind, String(workers), String(seconds)]
  const text = await runPinned(core, [...argv, requestPath, `${callerHeader.name}: ${callerHeader.value}`])
  const [requests = 0, errors = 0, p50 = 0, p99 = 0] = text.split(' ').map(Number)
  return { requests, perSecond: requests / seconds, p50Ms: p50 / 1000, p99Ms: p99 / 1000, errors }
}
