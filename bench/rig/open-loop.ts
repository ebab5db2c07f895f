import { callerHeader, concurrency, requestPath } from '../job.ts'
import { type LoadResult, runPinned } from './load-result.ts'

/** Sends requests at a fixed rate, answered or not, over 64 connections, with the program made of `open-loop.c`. */
export async function runOpenLoop(
  core: number,
  port: number,
  options: { readonly program: string; readonly perSecond: number; readonly seconds: number },
): Promise<LoadResult> {
  const { program, perSecond, seconds } = options
  const numbers = [port, perSecond, concurrency, seconds].map(String)
  const text = await runPinned(core, [program, ...numbers, requestPath, `${callerHeader.name}: ${callerHeader.value}`])
  const [requests = 0, errors = 0, p50 = 0, p99 = 0, p999 = 0] = text.split(' ').map(Number)
  return {
    requests,
    perSecond: requests / seconds,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    p999Ms: p999 / 1000,
    errors,
  }
}
