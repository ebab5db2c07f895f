import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { installed, freePort, waitForPort } from './rig/process.ts'
import { compileTcpLoad, startTcpLoad } from './rig/tcp-load.ts'
import type { Contender } from './scenario.ts'

/** One proxy in the `tcp` scenario: medians over the rounds. */
export interface TcpRow {
  readonly scenario: 'tcp'
  readonly proxy: string
  readonly version: string
  /** Bytes that came out for each second of CPU time of the proxy, 10^9. */
  readonly gbPerCpuSecond: number
  readonly gbPerSecond: number
  readonly rssMiB: number
  /** Weft's bytes per CPU second over this proxy's in the same round. */
  readonly weftIs: number
}

interface Measured {
  readonly gbPerCpuSecond: number
  readonly gbPerSecond: number
  readonly rssMiB: number
}

const connections = 8

/**
 * One-way transfers over a few connections, plain TCP: bytes for each CPU second of the proxy. All proxies take turns, several rounds, so that what
 * else the machine does falls on all alike.
 */
export async function runTcpTransfer(
  contenders: readonly Contender[],
  options: { readonly proxyCore: number; readonly loadCore: number; readonly quick: boolean },
): Promise<readonly TcpRow[]> {
  if (!installed('cc')) throw new Error('The tcp scenario needs a C compiler for its load: apt-get install gcc')
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  try {
    const program = compileTcpLoad(folder)
    const rounds: Map<string, Measured>[] = []
    for (let round = 0; round < (options.quick ? 1 : 5); round += 1) {
      const results = new Map<string, Measured>()
      for (const contender of contenders) {
        console.error(`tcp: ${contender.name}, round ${round + 1} ...`)
        results.set(contender.name, await measure(contender, program, options))
      }
      rounds.push(results)
    }
    return contenders.map((contender) => summarize(contender, rounds))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Prints the rows as a table. */
export function printTcpTable(rows: readonly TcpRow[]): void {
  const heads = ['GB/CPU second', 'weft is', 'GB/s', 'RSS MiB'].map((name) => name.padStart(14)).join('')
  console.log(`\ntcp\n  ${'proxy'.padEnd(22)}${heads}`)
  for (const { proxy, version, ...row } of rows) {
    const cells = [
      row.gbPerCpuSecond.toFixed(2),
      `${row.weftIs.toFixed(2)} x`,
      row.gbPerSecond.toFixed(2),
      row.rssMiB.toFixed(1),
    ]
    console.log(`  ${`${proxy} ${version}`.padEnd(22)}${cells.map((cell) => cell.padStart(14)).join('')}`)
  }
}

async function measure(
  contender: Contender,
  program: string,
  options: { readonly proxyCore: number; readonly loadCore: number; readonly quick: boolean },
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [listenPort, sinkPort] = [await freePort(), await freePort()]
  const core = options.proxyCore
  const processes = contender.start({
    protocol: 'tcp',
    listenPort,
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
  await Bun.sleep(options.quick ? 2000 : 4000)
  const [bytesAfter, cpuAfter, timeAfter] = [await load.arrived(), cpuUs(), performance.now()]
  const gigabytes = (bytesAfter - bytesBefore) / 1e9
  return {
    gbPerCpuSecond: gigabytes / ((cpuAfter - cpuBefore) / 1e6),
    gbPerSecond: gigabytes / ((timeAfter - timeBefore) / 1000),
    rssMiB: processes.reduce((sum, one) => sum + one.rssMiB(), 0),
  }
}

function summarize(contender: Contender, rounds: readonly ReadonlyMap<string, Measured>[]): TcpRow {
  const own = rounds.flatMap((round) => round.get(contender.name) ?? [])
  const ratios = rounds.flatMap((round) => {
    const [weft, other] = [round.get('weft'), round.get(contender.name)]
    return weft === undefined || other === undefined ? [] : [weft.gbPerCpuSecond / other.gbPerCpuSecond]
  })
  return {
    scenario: 'tcp',
    proxy: contender.name,
    version: contender.version(),
    gbPerCpuSecond: median(own.map((one) => one.gbPerCpuSecond)),
    gbPerSecond: median(own.map((one) => one.gbPerSecond)),
    rssMiB: median(own.map((one) => one.rssMiB)),
    weftIs: median(ratios),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return Number((sorted[sorted.length >> 1] ?? Number.NaN).toFixed(3))
}
