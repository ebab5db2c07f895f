/**
 * Autobahn's testsuite through a proxy's upgrade, both ways round: its fuzzing client in front of a server that echoes, and a
 * client that echoes in front of its fuzzing server. The echoing ends are Autobahn's own, which pass every case without a proxy:
 * what fails is the proxy's.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

import { freePort } from '../../test/harness/free-port.ts'
import { waitUntil } from '../../test/harness/wait-until.ts'
import { installed, python2 } from './installed.ts'
import { isListening } from './is-listening.ts'
import { type ProxyKind, startProxy, toBootstrap, toCluster, toListener } from './proxy-under-test.ts'

/** The testsuite has 517; fewer than this and something left most of them out. */
const leastCases = 500
/** Messages of each case of compression; the testsuite's 1,000 take minutes, nearly all of them in zlib. */
const messages = 20
/** How long one side may take. */
const sideMs = 600_000
const startMs = 30_000

const fine = new Set(['OK', 'INFORMATIONAL'])
/** Cases that need not be strict: how early octets that are not UTF-8 are refused. */
const lenient = /^6\.4\./

const indexSchema = z.record(
  z.string(),
  z.record(z.string(), z.object({ behavior: z.string(), behaviorClose: z.string(), reportfile: z.string() })),
)

/** What the testsuite says of one case. */
const reportSchema = z.object({ duration: z.number(), result: z.string(), resultClose: z.string() })

interface Side {
  readonly name: string
  readonly passed: number
  readonly faults: readonly string[]
}

/** Cases that may fail at first and are then tried again: the suite gives a close one second, which a machine that stalls can miss. */
const triedAgain = 5

/** Runs both sides; prints the cases that fail. When few do, all is run a second time, and what fails both times has failed. */
export async function run(kind: ProxyKind): Promise<{ readonly passed: number; readonly failed: number }> {
  const first = await runOnce(kind)
  const faults = [...first.faults.keys()]
  if (faults.length === 0 || faults.length > triedAgain) return report(first.passed, first.faults)
  console.log(`autobahn: tried again for ${faults.join(', ')}`)
  const second = await runOnce(kind)
  const both = new Map([...second.faults].filter(([id]) => first.faults.has(id)))
  return report(second.passed + second.faults.size - both.size, both)
}

function report(passed: number, faults: ReadonlyMap<string, string>): { passed: number; failed: number } {
  for (const fault of faults.values()) console.log(`FAILED ${fault}`)
  return { passed, failed: faults.size }
}

/** Runs both sides at once. */
async function runOnce(kind: ProxyKind): Promise<{ readonly passed: number; readonly faults: Map<string, string> }> {
  const wstest = [python2(), join(import.meta.dir, 'python/wstest.py'), await installed.autobahn(), String(messages)]
  const folder = mkdtempSync(join(tmpdir(), 'weft-autobahn-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [echoPort, fuzzerPort] = [await freePort(), await freePort()]
  const spec = (name: string, fields: object): string => {
    const file = `${folder}/${name}.json`
    const selection = { cases: ['*'], 'exclude-cases': [], 'exclude-agent-cases': {} }
    writeFileSync(file, JSON.stringify({ outdir: `${folder}/${name}`, ...selection, ...fields }))
    return file
  }
  const fuzzerSpec = spec('client', { url: `ws://127.0.0.1:${fuzzerPort}` })
  await Promise.all([
    startServer(stack, [...wstest, '-m', 'testeeserver', '-w', `ws://127.0.0.1:${echoPort}`], echoPort),
    startServer(stack, [...wstest, '-m', 'fuzzingserver', '-u', '0', '-s', fuzzerSpec], fuzzerPort),
  ])
  const proxy = stack.use(await startProxy(kind, bootstrap({ server: echoPort, client: fuzzerPort }), 2))
  const clientSpec = spec('server', { servers: [{ agent: 'proxy', url: `ws://127.0.0.1:${proxy.port('server')}` }] })
  const uri = `ws://127.0.0.1:${proxy.port('client')}`
  const sides = await Promise.all([
    runSide('server', folder, [...wstest, '-m', 'fuzzingclient', '-s', clientSpec]),
    runSide('client', folder, [...wstest, '-m', 'testeeclient', '-w', uri, '-i', 'proxy']),
  ])
  return {
    passed: sides.reduce((sum, { passed }) => sum + passed, 0),
    faults: new Map(sides.flatMap(({ faults }) => faults.map((fault) => [fault.split(':', 1)[0] ?? fault, fault]))),
  }
}

/** Listeners `server` and `client`. Autobahn's servers want their own port in `Host`. */
function bootstrap(ports: Readonly<Record<string, number>>): ReturnType<typeof toBootstrap> {
  const entries = Object.entries(ports)
  const listeners = entries.map(([name, port]) =>
    toListener({
      name,
      cluster: name,
      codec: 'HTTP1',
      manager: { upgrade_configs: [{ upgrade_type: 'websocket' }] },
      action: { host_rewrite_literal: `127.0.0.1:${port}` },
    }),
  )
  return toBootstrap(
    listeners,
    entries.map(([name, port]) => toCluster({ name, port, protocol: 'HTTP1' })),
  )
}

async function startServer(stack: AsyncDisposableStack, argv: readonly string[], port: number): Promise<void> {
  const child = Bun.spawn([...argv], { stdout: 'ignore', stderr: 'inherit' })
  stack.defer(async () => {
    child.kill('SIGKILL')
    await child.exited
  })
  await waitUntil(
    `${argv.join(' ')} listens`,
    () => {
      if (child.exitCode !== null) throw new Error(`${argv.join(' ')} ended with ${child.exitCode}`)
      return isListening(port)
    },
    startMs,
  )
}

/** Runs the client of a side to its end and reads what the fuzzer wrote. */
async function runSide(name: string, folder: string, argv: readonly string[]): Promise<Side> {
  const child = Bun.spawn([...argv], { stdout: 'ignore', stderr: 'inherit', timeout: sideMs, killSignal: 'SIGKILL' })
  const exitCode = await child.exited
  const file = `${folder}/${name}/index.json`
  if (exitCode !== 0 || !existsSync(file))
    return { name, passed: 0, faults: [`${name} side: ended with ${exitCode} and without a report`] }
  const index = indexSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const cases = Object.entries(index['proxy'] ?? {})
  const faults = cases.flatMap(([id, { behavior, behaviorClose, reportfile }]) => {
    const allowed = (outcome: string): boolean => fine.has(outcome) || (outcome === 'NON-STRICT' && lenient.test(id))
    if (allowed(behavior) && allowed(behaviorClose)) return []
    const report = reportSchema.parse(JSON.parse(readFileSync(`${folder}/${name}/${reportfile}`, 'utf8')))
    const said = `${report.result} ${report.resultClose} (${report.duration} ms)`
    return [`${name} side, ${id}: ${behavior}, close ${behaviorClose}: ${said}`]
  })
  const passed = cases.length - faults.length
  console.log(`autobahn: ${name} side: ${passed} of ${cases.length}`)
  if (cases.length > leastCases) return { name, passed, faults }
  return { name, passed, faults: [...faults, `${name} side: expected more than ${leastCases} cases`] }
}
