import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { RunOptions } from './contest.ts'
import { freePort, waitForPort } from './rig/process.ts'
import { compileProgram } from './rig/compile.ts'
import { startTcpLoad } from './rig/tcp-load.ts'
import type { Contender } from './scenario.ts'
import { type Column, summarize, type Table, weftIs } from './table.ts'

const columns: readonly Column[] = [
  { key: 'gbPerCpuSecond', title: 'GB/CPU second', digits: 2 },
  weftIs,
  { key: 'gbPerSecond', title: 'GB/s', digits: 2 },
  { key: 'rssMiB', title: 'RSS MiB', digits: 0 },
]

const connections = 8

/**
 * One-way transfers over a few connections, plain TCP: bytes for each CPU second of the proxy. All proxies take turns, several rounds, so that what
 * else the machine does falls on all alike.
 */
export async function runTcpTransfer(contenders: readonly Contender[], options: RunOptions): Promise<Table> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  try {
    const program = compileProgram(folder, 'tcp-load', 'c')
    const rounds: Map<string, Readonly<Record<string, number>>>[] = []
    for (let round = 0; round < options.rounds; round += 1) {
      console.error(`tcp: round ${round + 1} of ${options.rounds}`)
      const results = new Map<string, Readonly<Record<string, number>>>()
      for (const contender of contenders) results.set(contender.name, await measure(contender, program, options))
      rounds.push(results)
    }
    const rows = contenders.map((contender) => ({
      proxy: contender.name,
      version: contender.version(),
      figures: summarize(rounds, contender.name, 'gbPerCpuSecond'),
    }))
    return { scenario: 'tcp', columns, rows }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(
  contender: Contender,
  program: string,
  options: RunOptions,
): Promise<Readonly<Record<string, number>>> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [listenPort, sinkPort] = [await freePort(), await freePort()]
  const core = options.proxyCore
  const processes = contender.start({
    protocol: 'tcp',
    listenPort,
    tls: undefined,
    pair: undefined,
    backendPort: sinkPort,
    folder,
    core,
  })
  for (const one of processes) stack.use(one)
  await waitForPort(listenPort, `${contender.name} (tcp)`)
  const load = stack.use(startTcpLoad(options.loadCore, program, { sinkPort, proxyPort: listenPort, connections }))
  await Bun.sleep(1000)
  const cpuUs = (): number => processes.reduce((sum, one) => sum + one.cpuUs(), 0)
  const [bytesBefore, cpuBefore, timeBefore] = [await load.arrived(), cpuUs(), performance.now()]
  await Bun.sleep(options.sliceSeconds * 1000)
  const [bytesAfter, cpuAfter, timeAfter] = [await load.arrived(), cpuUs(), performance.now()]
  const gigabytes = (bytesAfter - bytesBefore) / 1e9
  return {
    gbPerCpuSecond: gigabytes / ((cpuAfter - cpuBefore) / 1e6),
    gbPerSecond: gigabytes / ((timeAfter - timeBefore) / 1000),
    rssMiB: processes.reduce((sum, one) => sum + one.memory().rssMiB, 0),
  }
}
