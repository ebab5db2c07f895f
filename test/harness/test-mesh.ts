/** A whole mesh for tests: a control plane and applications with their proxies, each a process of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parentVariable } from '../../src/cli/end-with-parent.ts'
import { type ApiClient, createApiClient, serverFileName } from '../../src/control/rest/index.ts'
import { type CommandOutcome, runWeft, self } from './run-weft.ts'
import { freePort } from './free-port.ts'
import { startWorkload, type TestWorkload, type WorkloadSpec } from './test-workload.ts'
import { waitUntil } from './wait-until.ts'

/** A running mesh; disposing it ends every process and removes its directory. */
export interface TestMesh extends AsyncDisposable {
  readonly dataDir: string
  readonly client: ApiClient
  /** Runs a command of the command line against this mesh: `weft('status')`. */
  readonly weft: (...argv: readonly string[]) => Promise<CommandOutcome>
  /** `weft apply --wait` of a text, which must succeed on all proxies. */
  readonly apply: (yaml: string) => Promise<CommandOutcome>
  /** `weft delete --wait` of what a text names. */
  readonly remove: (yaml: string) => Promise<void>
  /** Starts a workload and waits until it is ready. */
  readonly start: (spec: WorkloadSpec) => Promise<TestWorkload>
  /** SIGKILL: no chance to say goodbye. */
  readonly killControlPlane: () => Promise<void>
  /** Starts a control plane on the ports and data of the one before. */
  readonly restartControlPlane: () => Promise<void>
  /** Everything that all parts wrote so far, for the report of a test that fails. */
  readonly output: () => Promise<string>
}

const startTimeoutMs = 20_000

async function startControlPlane(dataDir: string, api: string, xds: string): Promise<Bun.Subprocess> {
  const log = Bun.file(join(dataDir, 'control-plane.log'))
  const child = Bun.spawn(
    [...self, 'up', '--data-dir', dataDir, '--api-port', api, '--xds-port', xds],
    // Bun.file as an output starts the file anew.
    { env: { ...process.env, NO_COLOR: '1', [parentVariable]: String(process.pid) }, stdout: log, stderr: log },
  )
  const client = createApiClient({ serverFile: join(dataDir, serverFileName) })
  const isUp = () => client.status().then(Boolean, () => false)
  await waitUntil('the control plane answers', () => child.exitCode !== null || isUp(), startTimeoutMs)
  if (child.exitCode !== null) throw new Error(`The control plane ended:\n${await log.text()}`)
  return child
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}

/** Starts a control plane on free ports in a directory of its own. */
export async function startTestMesh(): Promise<TestMesh> {
  const dataDir = await mkdtemp(join(tmpdir(), 'weft-e2e-'))
  const serverFile = join(dataDir, serverFileName)
  const client = createApiClient({ serverFile })
  let controlPlane = await startControlPlane(dataDir, String(await freePort()), String(await freePort()))
  const { api, xds }: { readonly api: string; readonly xds: string } = await Bun.file(serverFile).json()
  const workloads: TestWorkload[] = []
  const weft = (...argv: readonly string[]) => runWeft([...argv, '--server', serverFile])
  const stopControlPlane = async (signal: NodeJS.Signals) => {
    controlPlane.kill(signal)
    await controlPlane.exited
  }
  return {
    dataDir,
    client,
    weft,
    apply: async (yaml) => {
      const run = await runWeft(['apply', '--wait', '-f', '-', '--server', serverFile], yaml)
      if (run.exitCode !== 0) throw new Error(`weft apply failed:\n${run.stderr}${run.stdout}`)
      return run
    },
    remove: async (yaml) => {
      const run = await runWeft(['delete', '--wait', '-f', '-', '--server', serverFile], yaml)
      if (run.exitCode !== 0) throw new Error(`weft delete failed:\n${run.stderr}${run.stdout}`)
    },
    start: async (spec) => {
      const workload = await startWorkload(spec, { dataDir, serverFile })
      workloads.push(workload)
      return workload
    },
    killControlPlane: () => stopControlPlane('SIGKILL'),
    restartControlPlane: async () => {
      controlPlane = await startControlPlane(dataDir, portOf(api), portOf(xds))
    },
    output: async () => {
      const logs = await Promise.all(workloads.map((workload) => workload.logs()))
      return [await Bun.file(join(dataDir, 'control-plane.log')).text(), ...logs].join('\n')
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workloads.map((workload) => workload.stop()))
      if (controlPlane.exitCode === null && controlPlane.signalCode === null) await stopControlPlane('SIGTERM')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
