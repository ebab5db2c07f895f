import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@bufbuild/protobuf'

import { freePort } from '../../harness/free-port.ts'
import { self } from '../../harness/run-weft.ts'

/** A proxy that runs a bootstrap of static resources. */
export interface RunningProxy extends AsyncDisposable {
  readonly pid: number
  readonly admin: AdminAddress
  /** Port of a listener. */
  readonly port: (listener: string) => number
}

/** Real Envoy, if it is on the PATH. */
export const envoyBinary: string | null = Bun.which('envoy')

/**
 * A loopback address that this process has for itself: everything else takes its ports on 127.0.0.1, so those of the admin
 * interfaces are free.
 */
const adminHost = `127.77.${(process.pid >> 8) & 255}.${(process.pid & 127) + 1}`

/** Where an admin interface is to listen. */
export interface AdminAddress {
  readonly host: string
  readonly port: number
}

/** Makes the bootstrap of a proxy whose admin interface listens there. */
export type MakeBootstrap = (admin: AdminAddress) => JsonObject

/** Starts Envoy; resolves when all its listeners are bound. */
export function startEnvoy(bootstrap: MakeBootstrap, listeners: number): Promise<RunningProxy> {
  const flags = [
    '--concurrency',
    '1',
    '--use-dynamic-base-id',
    '--log-level',
    'error',
    '--file-flush-interval-msec',
    '50',
  ]
  return start((file) => [envoyBinary ?? 'envoy', '-c', file, ...flags], bootstrap, listeners)
}

/** Starts `weft proxy` of this checkout; resolves when all its listeners are bound. */
export function startWeft(bootstrap: MakeBootstrap, listeners: number): Promise<RunningProxy> {
  return start((file) => [...self, 'proxy', '-c', file], bootstrap, listeners)
}

async function start(
  command: (file: string) => string[],
  bootstrap: MakeBootstrap,
  listeners: number,
): Promise<RunningProxy> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-differential-'))
  const file = join(directory, 'bootstrap.json')
  const admin: AdminAddress = { host: adminHost, port: await freePort(adminHost) }
  writeFileSync(file, JSON.stringify(bootstrap(admin)))
  const child = Bun.spawn(command(file), { stdout: 'ignore', stderr: 'pipe' })
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await child.exited
    rmSync(directory, { recursive: true, force: true })
  }
  const end = performance.now() + 20_000
  for (;;) {
    const ports = await readPorts(admin).catch(() => new Map<string, number>())
    if (ports.size >= listeners)
      return { pid: child.pid, admin, port: (name) => ports.get(name) ?? 0, [Symbol.asyncDispose]: stop }
    if (child.exitCode !== null || performance.now() > end) {
      await stop()
      throw new Error(`${command(file).join(' ')} did not start: ${await new Response(child.stderr).text()}`)
    }
    await Bun.sleep(20)
  }
}

/** Both admin interfaces list listeners as `name::address:port`. */
async function readPorts(admin: AdminAddress): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://${admin.host}:${admin.port}/listeners`)
  const lines = (await response.text()).trim().split('\n')
  const ports = lines.map((line): [string, number] => [line.split('::')[0] ?? '', Number(line.split(':').at(-1))])
  return new Map(ports.filter(([, port]) => port > 0))
}
