import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { callerHeader, concurrency, requestPath, responseBytes, streamsPerConnection } from '../job.ts'
import { type LoadResult, quantile, runPinned } from './load-result.ts'

/** Runs h2load, pinned to a core: 64 requests in flight, 16 on each connection of HTTP/2. With `grpc` unary calls in plain text, else GET over TLS. */
export async function runH2load(
  core: number,
  port: number,
  options: { readonly seconds: number; readonly folder: string; readonly grpc: boolean },
): Promise<LoadResult> {
  const { seconds, folder, grpc } = options
  const log = join(folder, 'h2load.log')
  const message = join(folder, 'message.bin')
  // A gRPC message: no compression, length, 27 octets.
  writeFileSync(message, Buffer.concat([Buffer.from([0, 0, 0, 0, 27]), Buffer.alloc(27, 1)]))
  rmSync(log, { force: true })
  const text = await runPinned(core, [
    'h2load',
    '-t1',
    `-c${concurrency / streamsPerConnection}`,
    `-m${streamsPerConnection}`,
    `-D${seconds}s`,
    `--log-file=${log}`,
    '-H',
    `${callerHeader.name}: ${callerHeader.value}`,
    ...(grpc ? ['-d', message, '-H', 'content-type: application/grpc', '-H', 'te: trailers'] : []),
    `${grpc ? 'http' : 'https'}://127.0.0.1:${port}${requestPath}`,
  ])
  return parseH2load(text, readFileSync(log, 'utf8'))
}

function parseH2load(text: string, log: string): LoadResult {
  const counts = /requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed/.exec(text)
  if (counts === null) throw new Error(`h2load printed no count of requests: ${text}`)
  const [done, succeeded] = [Number(counts[3]), Number(counts[4])]
  const bytes = Number(/\((\d+)\) data/.exec(text)?.[1] ?? 0)
  // A local reply to a gRPC call has status 200 and no message: told by the bytes that are missing.
  const withoutBody = Math.max(0, succeeded - Math.floor(bytes / responseBytes))
  const times = Float64Array.from(
    log.split('\n').flatMap((line) => line.split('\t')[2] ?? []),
    Number,
  ).toSorted()
  return {
    requests: succeeded,
    perSecond: Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(text)?.[1] ?? 0),
    p50Ms: quantile(times, 0.5) / 1000,
    p99Ms: quantile(times, 0.99) / 1000,
    errors: done - succeeded + withoutBody,
  }
}
