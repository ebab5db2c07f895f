import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manifests } from '../../../examples/bookinfo/index.ts'
import { type ApiClient, createApiClient, serverFileName } from '../../control/rest/index.ts'
import { CliError } from '../cli-error.ts'
import { parentVariable } from '../end-with-parent.ts'
import { pause, type RunRecord, runRecordName, waitUntil } from '../run/index.ts'
import { edgeCounts, type EdgeTable } from './edge-counts.ts'
import { parsePrometheus } from './parse-prometheus.ts'

/** A workload of the demo. */
export interface DemoWorkload {
  readonly service: string
  readonly version: string
}

/** Who is started: six services and the visitor that calls them, each with a proxy of its own. */
const demoWorkloads: readonly DemoWorkload[] = [
  { service: 'productpage', version: 'v1' },
  { service: 'details', version: 'v1' },
  { service: 'reviews', version: 'v1' },
  { service: 'reviews', version: 'v2' },
  { service: 'reviews', version: 'v3' },
  { service: 'ratings', version: 'v1' },
  { service: 'traffic', version: 'v1' },
]

/** How to start it. */
export interface DemoOptions {
  readonly dataDir: string
  readonly self: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Requests per second of the visitor; 0 sends none. */
  readonly rps: number
  /** Told of every step, in plain words. */
  readonly onProgress: (text: string) => void
  /** Ends the start early. */
  readonly signal: AbortSignal
}

/** A mesh that runs. Disposing it ends every process of it. */
export interface DemoMesh extends AsyncDisposable {
  readonly client: ApiClient
  readonly serverFile: string
  /** Directory with the manifests, to apply and to change. */
  readonly examplesDir: string
  readonly records: ReadonlyMap<string, RunRecord>
  /** All client-side counts, from the proxies' admin interfaces. A proxy that does not answer is left out. */
  readonly scrape: () => Promise<EdgeTable>
  /** Resolves, with a sentence, when a part that must run has ended by itself. */
  readonly broken: Promise<string>
}

const startTimeoutMs = 60_000

/** A part that does not end by itself is killed after this. */
const stopTimeoutMs = 20_000

/** Output of parts that is shown when one fails. */
const logTailLines = 20

interface Part {
  readonly name: string
  readonly log: string
  readonly child: Bun.Subprocess
}

function startPart(
  name: string,
  command: readonly string[],
  options: DemoOptions,
  env: Readonly<Record<string, string>> = {},
): Part {
  const log = join(options.dataDir, 'logs', `${name}.log`)
  const file = openSync(log, 'a', 0o600)
  const child = Bun.spawn([...options.self, ...command], {
    env: { ...options.env, ...env, NO_COLOR: '1', [parentVariable]: String(process.pid) },
    stdin: 'ignore',
    stdout: file,
    stderr: file,
    // Ctrl-C is for the demo alone: it ends its parts in order.
    detached: true,
  })
  closeSync(file)
  return { name, log, child }
}

async function stopPart({ child }: Part): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await child.exited
  clearTimeout(timer)
}

async function failure(part: Part, what: string): Promise<CliError> {
  const text = await readFile(part.log, 'utf8').catch(() => '')
  const tail = text.trimEnd().split('\n').slice(-logTailLines).join('\n')
  return new CliError(
    'WEFT_DEMO_START',
    `${part.name} ${what}; its output ends with:\n${tail}`,
    `Look into ${part.log}`,
  )
}

/** Waits for a condition while a part runs; a part that ends, or takes too long, is a failure with its last output. */
async function awaitPart(part: Part, condition: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  void part.child.exited.then(() => ended.abort())
  const reached = await waitUntil(condition, {
    timeoutMs: startTimeoutMs,
    signal: AbortSignal.any([signal, ended.signal]),
  })
  if (reached || signal.aborted) return
  throw await failure(
    part,
    ended.signal.aborted
      ? `ended while starting (${part.child.signalCode ?? `exit code ${part.child.exitCode}`})`
      : `was not ready within ${startTimeoutMs / 1000} s`,
  )
}

async function readRecord(file: string): Promise<RunRecord | undefined> {
  try {
    const value: RunRecord = JSON.parse(await readFile(file, 'utf8'))
    return value
  } catch {
    return undefined // Not written yet, or being written.
  }
}

function workloadName({ service, version }: DemoWorkload): string {
  return `${service}-${version}`
}

/** The command line of a workload: nothing that a user could not type. */
function runArguments({ service, version }: DemoWorkload, serverFile: string, options: DemoOptions): readonly string[] {
  return [
    'run',
    ...['--server', serverFile],
    ...['--data-dir', options.dataDir],
    ...['--id', workloadName({ service, version })],
    ...['--service', service],
    ...['--version', version],
    ...['--service-account', service === 'traffic' ? 'default' : `bookinfo-${service}`],
    ...['--port', 'http:9080:auto'],
    ...['--ready-path', '/health'],
    ...['--drain-timeout', '2s'],
    ...['--', ...options.self, 'example', `bookinfo-${service}`],
  ]
}

async function startWorkload(
  workload: DemoWorkload,
  serverFile: string,
  options: DemoOptions,
  parts: Part[],
): Promise<RunRecord | undefined> {
  const id = workloadName(workload)
  const env = workload.service === 'traffic' ? { TRAFFIC_RPS: String(options.rps) } : {}
  const part = startPart(id, runArguments(workload, serverFile, options), options, env)
  parts.push(part)
  const file = join(options.dataDir, 'workloads', id, runRecordName)
  let record: RunRecord | undefined
  await awaitPart(
    part,
    async () => {
      record = await readRecord(file)
      return record?.ready === true && record.supervisorPid === part.child.pid
    },
    options.signal,
  )
  return record
}

async function writeManifests(dataDir: string): Promise<string> {
  const directory = join(dataDir, 'examples')
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(manifests)) await writeFile(join(directory, `${name}.yaml`), text)
  return directory
}

async function scrapeAll(records: Iterable<RunRecord>): Promise<EdgeTable> {
  const texts = await Promise.all(
    [...records].map(async ({ adminPort }) => {
      try {
        const response = await fetch(`http://127.0.0.1:${adminPort}/stats/prometheus`, {
          signal: AbortSignal.timeout(1_000),
          proxy: '',
        })
        return response.ok ? await response.text() : ''
      } catch {
        return '' // Restarting or gone: the next look shows it again.
      }
    }),
  )
  return edgeCounts(texts.flatMap(parsePrometheus))
}

/**
 * Starts a control plane and all workloads, in parallel where they do not wait for each other. What was started is ended
 * when something fails or `signal` aborts.
 *
 * @throws {CliError} `WEFT_DEMO_START` if a part does not come up.
 */
export async function startDemoMesh(options: DemoOptions): Promise<DemoMesh> {
  const { dataDir, onProgress, signal } = options
  const parts: Part[] = []
  const stopAll = async () => {
    const [controlPlane, ...workloads] = parts
    // The visitor first: what it no longer asks for, nobody has to drain.
    const visitors = workloads.filter(({ name }) => name.startsWith('traffic-'))
    await Promise.all(visitors.map(stopPart))
    await Promise.all(workloads.filter((part) => !visitors.includes(part)).map(stopPart))
    if (controlPlane !== undefined) await stopPart(controlPlane)
  }
  await using starting = new AsyncDisposableStack()
  starting.defer(stopAll)
  await mkdir(join(dataDir, 'logs'), { recursive: true, mode: 0o700 })
  const examplesDir = await writeManifests(dataDir)
  onProgress('starting the control plane')
  const serverFile = join(dataDir, serverFileName)
  const controlPlane = startPart(
    'control-plane',
    ['up', '--data-dir', dataDir, '--api-port', '0', '--xds-port', '0'],
    options,
  )
  parts.push(controlPlane)
  const client = createApiClient({ serverFile })
  await awaitPart(
    controlPlane,
    () =>
      client.status().then(
        () => true,
        () => false,
      ),
    signal,
  )
  if (signal.aborted) throw aborted()
  await client.apply({ files: [{ path: join(examplesDir, 'bookinfo.yaml'), text: manifests.bookinfo }] })
  onProgress(`starting ${demoWorkloads.length} workloads, each with its proxy`)
  const records = new Map<string, RunRecord>()
  await Promise.all(
    demoWorkloads.map(async (workload) => {
      const record = await startWorkload(workload, serverFile, options, parts)
      if (record === undefined || signal.aborted) return
      records.set(record.id, record)
      onProgress(`${records.size} of ${demoWorkloads.length} ready: ${record.id}`)
    }),
  )
  if (signal.aborted) throw aborted()
  starting.move()
  const stopped = new AbortController()
  return {
    client,
    serverFile,
    examplesDir,
    records,
    scrape: () => scrapeAll(records.values()),
    broken: Promise.race(
      parts.map(async ({ name, child, log }) => {
        const code = await child.exited
        if (stopped.signal.aborted) await pause(stopTimeoutMs * 2)
        return `${name} ended with exit code ${code}, see ${log}`
      }),
    ),
    [Symbol.asyncDispose]: async () => {
      stopped.abort()
      await stopAll()
    },
  }
}

function aborted(): CliError {
  return new CliError('WEFT_DEMO_STOPPED', 'The demo was stopped while it started', 'Start it again')
}
