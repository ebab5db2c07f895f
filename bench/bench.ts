/**
 * `npm run bench -- [SCENARIO ...] [--quick] [--only SCENARIO] [--proxy NAME] [--json FILE]`: the same job in every proxy that is installed, one
 * after the other, pinned to core 0; the load and the backend run on core 1. Only ratios within one run mean anything.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { envoy } from './proxies/envoy.ts'
import { haproxy, haproxySplice } from './proxies/haproxy.ts'
import { nginx, startNginx } from './proxies/nginx.ts'
import { weft } from './proxies/weft.ts'
import { makeCertificates } from './rig/certificates.ts'
import { runLoad } from './rig/load.ts'
import { freePort, installed, waitForPort } from './rig/process.ts'
import { type Contender, type Scenario, scenarios, type Setup } from './scenario.ts'
import { printTcpTable, runTcpTransfer, type TcpRow } from './tcp-transfer.ts'

interface Row {
  readonly scenario: Scenario
  readonly proxy: string
  readonly version: string
  readonly cpuUsPerRequest: number
  readonly rps: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMiB: number
  readonly errors: number
}

const proxyCore = 0
const loadCore = 1

async function measure(scenario: Scenario, contender: Contender, backendPort: number, quick: boolean): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const listenPort = await freePort()
  const pair =
    scenario === 'http1-mtls-pair' ? { port: await freePort(), certificates: makeCertificates(folder) } : undefined
  const setup: Setup = { protocol: 'http', listenPort, pair, backendPort, folder, core: proxyCore }
  const processes = contender.start(setup)
  for (const one of processes) stack.use(one)
  await waitForPort(listenPort, `${contender.name} (${scenario})`)
  if (pair !== undefined) await waitForPort(pair.port, `${contender.name} server side (${scenario})`)
  const url = `http://127.0.0.1:${listenPort}/`
  await runLoad(loadCore, url, quick ? 1 : 3)
  const before = processes.reduce((sum, one) => sum + one.cpuUs(), 0)
  const load = await runLoad(loadCore, url, quick ? 3 : 10)
  const cpuUs = processes.reduce((sum, one) => sum + one.cpuUs(), 0) - before
  return {
    scenario,
    proxy: contender.name,
    version: contender.version(),
    cpuUsPerRequest: round(cpuUs / load.requests, 2),
    rps: Math.round(load.rps),
    p50Ms: round(load.p50Ms, 3),
    p99Ms: round(load.p99Ms, 3),
    rssMiB: round(
      processes.reduce((sum, one) => sum + one.rssMiB(), 0),
      1,
    ),
    errors: load.errors,
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

function printTable(rows: readonly Row[]): void {
  for (const scenario of new Set(rows.map((row) => row.scenario))) {
    const own = rows.filter((row) => row.scenario === scenario)
    const weftRow = own.find((row) => row.proxy === 'weft')
    console.log(
      `\n${scenario}\n  ${'proxy'.padEnd(18)}${['us/request', 'weft is', 'requests/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'errors'].map((name) => name.padStart(12)).join('')}`,
    )
    for (const row of own) {
      const ratio = weftRow === undefined ? '' : `${(weftRow.cpuUsPerRequest / row.cpuUsPerRequest).toFixed(2)} x`
      const cells = [row.cpuUsPerRequest, ratio, row.rps, row.p50Ms, row.p99Ms, row.rssMiB, row.errors]
      console.log(
        `  ${`${row.proxy} ${row.version}`.padEnd(18)}${cells.map((cell) => String(cell).padStart(12)).join('')}`,
      )
    }
  }
}

/** The proxies that can run a scenario; says which cannot. */
function ready(contenders: readonly Contender[], scenario: Scenario): readonly Contender[] {
  return contenders.filter((contender) => {
    const missing = contender.missing(scenario)
    if (missing !== undefined) console.error(`${contender.name} is not installed and left out: ${missing}`)
    return missing === undefined
  })
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    proxy: { type: 'string' },
    json: { type: 'string' },
  },
})
for (const tool of ['wrk', 'nginx', 'taskset', 'openssl']) {
  if (installed(tool)) continue
  console.error(`The rig needs ${tool}: apt-get install wrk nginx-light util-linux openssl`)
  process.exit(1)
}
const wanted = values.only === undefined ? positionals : [...positionals, values.only]
const unknown = wanted.filter((name) => !scenarios.some((scenario) => scenario === name))
if (unknown.length > 0) {
  console.error(`Expected scenarios among ${scenarios.join(', ')}, got ${unknown.join(', ')}`)
  process.exit(2)
}
const chosen = scenarios.filter((name) => wanted.length === 0 || wanted.includes(name))
const contenders = [nginx, haproxy, envoy, weft].filter(
  (one) => values.proxy === undefined || one.name === values.proxy,
)
const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
const rows: Row[] = []
let tcpRows: readonly TcpRow[] = []
{
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const backendPort = await freePort()
  const body = 'x'.repeat(68)
  stack.use(
    startNginx(
      loadCore,
      folder,
      'backend',
      `server { listen 127.0.0.1:${backendPort}; location / { return 200 "${body}"; } }`,
    ),
  )
  await waitForPort(backendPort, 'the backend')
  for (const scenario of chosen) {
    if (scenario === 'tcp') {
      const able = ready(values.proxy === undefined ? [...contenders, haproxySplice] : contenders, scenario)
      tcpRows = await runTcpTransfer(able, { proxyCore, loadCore, quick: values.quick })
      continue
    }
    for (const contender of ready(contenders, scenario)) {
      console.error(`${scenario}: ${contender.name} ...`)
      rows.push(await measure(scenario, contender, backendPort, values.quick))
    }
  }
}
printTable(rows)
if (tcpRows.length > 0) printTcpTable(tcpRows)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify([...rows, ...tcpRows], null, 2)}\n`)
