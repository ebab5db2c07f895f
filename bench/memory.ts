import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import type { RunOptions } from './contest.ts'
import { openIdleConnections } from './rig/idle-connections.ts'
import { freePort, type Memory, type Pinned, waitForPort } from './rig/process.ts'
import { runWrk } from './rig/wrk.ts'
import type { Contender } from './scenario.ts'
import { type Column, type Table, weftIs } from './table.ts'

const connections = 1000

const columns: readonly Column[] = [
  { key: 'rssMiB', title: 'RSS MiB', digits: 1 },
  weftIs,
  { key: 'pssMiB', title: 'PSS MiB', digits: 1 },
  { key: 'privateMiB', title: 'private MiB', digits: 1 },
  { key: 'errors', title: 'errors', digits: 0 },
]

interface Measured {
  readonly state: string
  readonly memory: Memory
  readonly errors: number
}

/**
 * Memory of one proxy of HTTP/1.1 as it starts, with 1,000 connections that made a request and are kept, and with 1,000 that make requests all the
 * time. Resident counts what is shared too; the runtime's executable is shared among all Weft processes of a machine.
 */
export async function runMemory(
  contenders: readonly Contender[],
  backendPort: number,
  run: { readonly folder: string; readonly options: RunOptions },
): Promise<Table> {
  const measured = new Map<string, readonly Measured[]>()
  for (const contender of contenders) {
    console.error(`memory: ${contender.name}`)
    measured.set(contender.name, await measure(contender, backendPort, run))
  }
  const rows = (measured.get(contenders[0]?.name ?? '') ?? []).flatMap((_, index) =>
    contenders.flatMap((contender) => {
      const own = measured.get(contender.name)?.[index]
      if (own === undefined) return []
      const weft = measured.get('weft')?.[index]?.memory.rssMiB ?? Number.NaN
      const figures = { ...own.memory, errors: own.errors, [weftIs.key]: weft / own.memory.rssMiB }
      return [{ proxy: `${own.state}: ${contender.name}`, version: contender.version(), figures }]
    }),
  )
  return { scenario: 'memory', columns, rows }
}

async function measure(
  contender: Contender,
  backendPort: number,
  { folder: parent, options }: { readonly folder: string; readonly options: RunOptions },
): Promise<readonly Measured[]> {
  await using stack = new AsyncDisposableStack()
  const folder = join(parent, `memory-${contender.name}`)
  mkdirSync(folder)
  const listenPort = await freePort()
  const core = options.proxyCore
  const setup = { protocol: 'http1', tls: undefined, pair: undefined, listenPort, backendPort, folder, core } as const
  const processes = contender.start(setup)
  for (const one of processes) stack.use(one)
  await waitForPort(listenPort, `${contender.name} (memory)`)
  await Bun.sleep(options.sliceSeconds * 1000)
  const started = { state: 'started', memory: total(processes), errors: 0 }
  const idle = await openIdleConnections(listenPort, connections)
  await Bun.sleep(options.sliceSeconds * 1000)
  const kept = { state: '1,000 idle', memory: total(processes), errors: idle.failed }
  idle.close()
  const load = runWrk(options.loadCore, listenPort, { seconds: options.warmUpSeconds, connections })
  await Bun.sleep(options.warmUpSeconds * 1000 - 500)
  const active = total(processes)
  const { errors } = await load
  return [started, kept, { state: '1,000 active', memory: active, errors }]
}

function total(processes: readonly Pinned[]): Memory {
  const all = processes.map((one) => one.memory())
  const sum = (key: keyof Memory): number => all.reduce((whole, one) => whole + one[key], 0)
  return { rssMiB: sum('rssMiB'), pssMiB: sum('pssMiB'), privateMiB: sum('privateMiB') }
}
