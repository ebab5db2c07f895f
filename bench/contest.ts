import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import type { LoadResult } from './rig/load-result.ts'
import { freePort, type Pinned, waitForPort } from './rig/process.ts'
import type { Contender, Scenario, Setup } from './scenario.ts'
import { type Column, summarize, type Table, weftIs } from './table.ts'

/** How long a run takes, and where its parts are pinned. */
export interface RunOptions {
  readonly proxyCore: number
  readonly loadCore: number
  /** How often the proxies take turns. */
  readonly rounds: number
  /** Load before the first round for each proxy, seconds of its CPU time: Weft's code is compiled while it runs. */
  readonly warmUpSeconds: number
  /** Load of one proxy in one round. */
  readonly sliceSeconds: number
  /** Weft is profiled into this folder, and slower for it. */
  readonly profileFolder: string | undefined
}

/** A scenario in which CPU time of the proxy is divided by what a load program got answered. */
export interface Contest {
  readonly scenario: Scenario
  readonly contenders: readonly Contender[]
  /** What the proxies are asked for; port and folder are of the contest. */
  readonly setup: Pick<Setup, 'protocol' | 'tls' | 'backendPort'> & { readonly pair: Certificates | undefined }
  readonly columns: readonly Column[]
  /** Key of the figure that Weft is compared by. */
  readonly measure: string
  /** Load before the first round; that of the rounds when absent. */
  readonly warmUp?: Load
  readonly load: Load
}

/** Gives a proxy load for some seconds. */
export type Load = (target: { readonly port: number; readonly seconds: number }) => Promise<LoadResult>

interface Running {
  readonly contender: Contender
  readonly port: number
  readonly processes: readonly Pinned[]
}

type Certificates = NonNullable<Setup['tls']>

/** Starts all proxies, warms each up, then gives them load in turn: what else the machine does falls on all alike. */
export async function runContest(contest: Contest, folder: string, options: RunOptions): Promise<Table> {
  await using stack = new AsyncDisposableStack()
  const running: Running[] = []
  for (const contender of contest.contenders) running.push(await start(contest, contender, { folder, options, stack }))
  for (const one of running) await warmUp(contest, one, options.warmUpSeconds)
  const rounds: Map<string, Record<string, number>>[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    console.error(`${contest.scenario}: round ${round + 1} of ${options.rounds}`)
    const figures = new Map<string, Record<string, number>>()
    for (const one of running) figures.set(one.contender.name, await measure(contest, one, options.sliceSeconds))
    rounds.push(figures)
  }
  const rows = contest.contenders.map((contender) => ({
    proxy: contender.name,
    version: contender.version(),
    figures: summarize(rounds, contender.name, contest.measure),
  }))
  const [first, ...others] = contest.columns
  return { scenario: contest.scenario, columns: first === undefined ? [] : [first, weftIs, ...others], rows }
}

async function start(
  { scenario, setup }: Contest,
  contender: Contender,
  run: { readonly folder: string; readonly options: RunOptions; readonly stack: AsyncDisposableStack },
): Promise<Running> {
  const folder = join(run.folder, `${scenario}-${contender.name}`)
  mkdirSync(folder)
  const port = await freePort()
  const pair = setup.pair && { port: await freePort(), certificates: setup.pair }
  const { proxyCore: core, profileFolder } = run.options
  const processes = contender.start({ ...setup, listenPort: port, pair, folder, core, profileFolder })
  for (const one of processes) run.stack.use(one)
  await waitForPort(port, `${contender.name} (${scenario})`)
  if (pair !== undefined) await waitForPort(pair.port, `${contender.name} server side (${scenario})`)
  return { contender, port, processes }
}

/** By CPU time of the proxy: on a busy machine some seconds on the clock warm nothing. Ends after four times as long on the clock. */
async function warmUp(contest: Contest, one: Running, seconds: number): Promise<void> {
  console.error(`${contest.scenario}: ${one.contender.name} warms up`)
  const load = contest.warmUp ?? contest.load
  const wanted = cpuUs(one) + seconds * 1e6 * 0.9
  const deadline = performance.now() + seconds * 4000
  do await load({ port: one.port, seconds: 2 })
  while (cpuUs(one) < wanted && performance.now() < deadline)
}

function cpuUs({ processes }: Running): number {
  return processes.reduce((sum, process) => sum + process.cpuUs(), 0)
}

async function measure(contest: Contest, one: Running, seconds: number): Promise<Record<string, number>> {
  const before = cpuUs(one)
  const load = await contest.load({ port: one.port, seconds })
  const spent = cpuUs(one) - before
  return {
    cpuUs: spent / load.requests,
    perCpuSecond: load.requests / (spent / 1e6),
    perSecond: load.perSecond,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    p999Ms: load.p999Ms ?? Number.NaN,
    rssMiB: one.processes.reduce((sum, process) => sum + process.memory().rssMiB, 0),
    errors: load.errors,
  }
}
