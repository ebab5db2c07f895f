/** One application with its proxy, started by `weft run` as a user would. */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parentVariable } from '../../src/cli/end-with-parent.ts'
import { parsePrometheus, type Sample } from '../../src/cli/demo/parse-prometheus.ts'
import { type RunRecord, runRecordName } from '../../src/cli/run/index.ts'
import { self } from './run-weft.ts'
import { waitUntil } from './wait-until.ts'

/** What to start. */
export interface WorkloadSpec {
  /** Also its service account, so that identities can be told apart. */
  readonly service: string
  readonly version?: string
  /** Default: service and version. */
  readonly id?: string
  /** One of the applications beside this file, or a command. Default `echo`, or `idle` without ports. */
  readonly application?: 'echo' | 'tcp-upper' | 'idle' | readonly string[]
  /** Default `['http:8080:auto']`. */
  readonly ports?: readonly string[]
  /** Further options of `weft run`. */
  readonly options?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A request through the workload's proxy. */
export interface MeshRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs?: number
}

/** A running workload. */
export interface TestWorkload {
  readonly id: string
  readonly record: RunRecord
  readonly stateDir: string
  /** The exit code of `weft run`. */
  readonly exited: Promise<number>
  /** Sends a signal to `weft run`. */
  readonly signal: (name: NodeJS.Signals) => void
  /** SIGTERM, unless it has ended; resolves with its exit code when it has. */
  readonly stop: () => Promise<number>
  /** Process id of its proxy now; undefined while there is none. */
  readonly proxyPid: () => number | undefined
  /** Calls `url` through its proxy, as its application would. */
  readonly request: (url: string, request?: MeshRequest) => Promise<Response>
  /** Text of a page of its proxy's admin interface. */
  readonly admin: (path: string) => Promise<string>
  readonly metrics: () => Promise<readonly Sample[]>
  /** What `weft run` and the application printed. */
  readonly printed: () => Promise<string>
  /** That, the proxy's own log, and the access log. */
  readonly logs: () => Promise<string>
}

const startTimeoutMs = 30_000

function applicationCommand({ application, ports }: WorkloadSpec): readonly string[] {
  const chosen = application ?? (ports?.length === 0 ? 'idle' : 'echo')
  return typeof chosen === 'string'
    ? [process.execPath, resolve(import.meta.dir, 'applications', `${chosen}.ts`)]
    : chosen
}

/** Children of a process whose command line holds a word. */
function childWithArgument(parent: number, word: string): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      // proc(5): pid (comm) state ppid; comm may hold spaces and brackets.
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(ppid) !== parent || state === 'Z') continue
      if (readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0').includes(word)) return Number(entry)
    } catch {
      // Ended while it was looked at.
    }
  }
  return undefined
}

async function text(file: string): Promise<string> {
  return Bun.file(file)
    .text()
    .catch(() => '')
}

async function readRecord(file: string): Promise<RunRecord | undefined> {
  try {
    const record: RunRecord = await Bun.file(file).json()
    return record
  } catch {
    return undefined // Not written yet, or being written.
  }
}

function askAdmin(record: RunRecord | undefined, path: string): Promise<Response> {
  const signal = AbortSignal.timeout(5_000)
  return fetch(`http://127.0.0.1:${record?.adminPort ?? 0}${path}`, { proxy: '', signal })
}

/** A page for the report of a failure: the reason why there is none is one too. */
async function adminPage(record: RunRecord | undefined, path: string): Promise<string> {
  try {
    return `${path}: ${await (await askAdmin(record, path)).text()}`
  } catch (error) {
    return `${path}: ${String(error)}`
  }
}

/** Starts a workload; resolves when it is ready. */
export async function startWorkload(
  spec: WorkloadSpec,
  mesh: { readonly dataDir: string; readonly serverFile: string },
): Promise<TestWorkload> {
  const { service, version = 'v1', ports = ['http:8080:auto'], options = [] } = spec
  const id = spec.id ?? `${service}-${version}`
  const log = join(mesh.dataDir, `${id}.log`)
  const file = openSync(log, 'a', 0o600)
  const command = [
    ...['run', '--server', mesh.serverFile, '--id', id, '--service', service, '--version', version],
    ...['--service-account', service, '--drain-timeout', '3s'],
    ...ports.flatMap((port) => ['--port', port]),
    ...options,
  ]
  const child = Bun.spawn([...self, ...command, '--', ...applicationCommand(spec)], {
    env: { ...process.env, ...spec.env, NO_COLOR: '1', [parentVariable]: String(process.pid) },
    stdin: 'ignore',
    stdout: file,
    stderr: file,
  })
  closeSync(file)
  const stateDir = join(mesh.dataDir, 'workloads', id)
  let record: RunRecord | undefined
  const isReady = async () => {
    record = await readRecord(join(stateDir, runRecordName))
    return child.exitCode !== null || (record?.ready === true && record.supervisorPid === child.pid)
  }
  try {
    await waitUntil(`${id} is ready`, isReady, startTimeoutMs)
  } catch (cause) {
    const proxy = await Promise.all(['/ready', '/listeners', '/clusters'].map((path) => adminPage(record, path)))
    const logs = await Promise.all([log, join(stateDir, 'proxy.log')].map(text))
    child.kill('SIGTERM')
    throw new Error(`${id} did not start:\n${[...logs, ...proxy].join('\n')}`, { cause })
  }
  if (record === undefined || !record.ready) throw new Error(`${id} ended while starting:\n${await text(log)}`)
  const { httpProxyPort } = record
  const admin = async (path: string) => (await askAdmin(record, path)).text()
  return {
    id,
    record,
    stateDir,
    exited: child.exited,
    signal: (name) => child.kill(name),
    stop: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      return child.exited
    },
    proxyPid: () => childWithArgument(child.pid, join(stateDir, 'bootstrap.yaml')),
    request: (url, { method = 'GET', headers = {}, body, timeoutMs = 10_000 } = {}) =>
      fetch(url, {
        method,
        headers: { ...headers },
        ...(body === undefined ? {} : { body }),
        proxy: `http://127.0.0.1:${httpProxyPort}`,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      }),
    admin,
    metrics: async () => parsePrometheus(await admin('/stats/prometheus')),
    printed: () => text(log),
    logs: async () =>
      [
        `--- ${id}`,
        await text(log),
        await text(join(stateDir, 'proxy.log')),
        await text(join(stateDir, 'access.log')),
      ].join('\n'),
  }
}
