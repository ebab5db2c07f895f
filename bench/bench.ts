/**
 * `npm run bench -- [SCENARIO ...] [--quick] [--rounds N] [--proxy NAME ...] [--json FILE] [--markdown FILE] [--profile FOLDER]`: the same job in
 * every proxy that is installed, in turn, pinned to core 0; the load and the backend run on core 1. Only ratios within one run mean anything.
 * With `--profile` Weft's processes write profiles of their CPU time when they end (and are slower).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { runContest, type RunOptions } from './contest.ts'
import { createContest } from './contests.ts'
import { runMemory } from './memory.ts'
import { envoy } from './proxies/envoy.ts'
import { haproxy, haproxySplice } from './proxies/haproxy.ts'
import { nginx } from './proxies/nginx.ts'
import { weft } from './proxies/weft.ts'
import { startGrpcBackend, startHttpBackend } from './rig/backend.ts'
import { makeCertificates } from './rig/certificates.ts'
import { freePort, installed, waitForPort } from './rig/process.ts'
import { type Contender, type Scenario, scenarios } from './scenario.ts'
import { type Table, toMarkdown, toText } from './table.ts'
import { runTcpTransfer } from './tcp-transfer.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    proxy: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    markdown: { type: 'string' },
    profile: { type: 'string' },
  },
})

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

function chosenScenarios(): readonly Scenario[] {
  const wanted = [...positionals, ...values.only]
  const unknown = wanted.filter((name) => !scenarios.some((scenario) => scenario === name))
  if (unknown.length > 0) fail(`Expected scenarios among ${scenarios.join(', ')}, got ${unknown.join(', ')}`)
  return scenarios.filter((name) => wanted.length === 0 || wanted.includes(name))
}

function runOptions(): RunOptions {
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) fail(`Expected --rounds to be a number from 1, got ${values.rounds}`)
  const [warmUpSeconds, sliceSeconds] = values.quick ? [2, 2] : [8, 3]
  return { proxyCore: 0, loadCore: 1, rounds, warmUpSeconds, sliceSeconds, profileFolder: values.profile }
}

/** Programs that the rig runs, what they come in, and the scenarios that need them; all when none is named. */
const tools: readonly { readonly name: string; readonly from: string; readonly scenarios?: readonly Scenario[] }[] = [
  { name: 'nginx', from: 'apt-get install nginx-light' },
  { name: 'taskset', from: 'apt-get install util-linux' },
  { name: 'openssl', from: 'apt-get install openssl' },
  {
    name: 'wrk',
    from: 'apt-get install wrk',
    scenarios: ['http1-plain', 'http1-mtls-pair', 'fixed-rate-mtls-pair', 'memory'],
  },
  { name: 'h2load', from: 'apt-get install nghttp2-client', scenarios: ['h2-tls-to-http1', 'grpc-mtls-pair'] },
  { name: 'nghttpd', from: 'apt-get install nghttp2-server', scenarios: ['grpc-mtls-pair'] },
  { name: 'cc', from: 'apt-get install gcc', scenarios: ['tcp', 'fixed-rate-mtls-pair'] },
  { name: 'go', from: 'https://go.dev/dl', scenarios: ['tls-handshake-full', 'tls-handshake-resumed'] },
]

function checkTools(chosen: readonly Scenario[]): void {
  const missing = tools.filter(
    (tool) => (tool.scenarios ?? chosen).some((one) => chosen.includes(one)) && !installed(tool.name),
  )
  if (missing.length === 0) return
  fail(`The rig needs ${missing.map(({ name, from }) => `${name} (${from})`).join(', ')}`)
}

/** The proxies that were asked for and can run a scenario; says which cannot. */
function ready(contenders: readonly Contender[], scenario: Scenario): readonly Contender[] {
  return contenders.filter((contender) => {
    if (values.proxy.length > 0 && !values.proxy.includes(contender.name)) return false
    const missing = contender.missing(scenario)
    if (missing !== undefined) console.error(`${contender.name} is not installed and left out: ${missing}`)
    return missing === undefined
  })
}

async function runAll(chosen: readonly Scenario[], options: RunOptions): Promise<readonly Table[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [httpPort, grpcPort] = [await freePort(), await freePort()]
  stack.use(startHttpBackend(options.loadCore, httpPort, folder))
  await waitForPort(httpPort, 'the backend')
  if (chosen.includes('grpc-mtls-pair')) {
    stack.use(startGrpcBackend(options.loadCore, grpcPort, folder))
    await waitForPort(grpcPort, 'the backend of gRPC')
  }
  const rig = { folder, certificates: makeCertificates(folder), httpPort, grpcPort, options }
  const tables: Table[] = []
  const finish = (table: Table): void => {
    tables.push(table)
    console.log(`\n${toText(table)}`)
  }
  for (const scenario of chosen) {
    const contest = createContest(scenario, rig)
    if (contest !== undefined) {
      finish(await runContest({ ...contest, contenders: ready(contest.contenders, scenario) }, folder, options))
    } else if (scenario === 'tcp') {
      finish(await runTcpTransfer(ready([nginx, haproxy, haproxySplice, envoy, weft], scenario), options))
    } else if (scenario === 'memory') {
      finish(await runMemory(ready([nginx, haproxy, envoy, weft], scenario), httpPort, { folder, options }))
    }
  }
  return tables
}

const chosen = chosenScenarios()
checkTools(chosen)
const tables = await runAll(chosen, runOptions())
console.error(
  `\nLoad average of the machine: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`,
)
if (values.markdown !== undefined) writeFileSync(values.markdown, `${tables.map(toMarkdown).join('\n\n')}\n`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(tables, null, 2)}\n`)
