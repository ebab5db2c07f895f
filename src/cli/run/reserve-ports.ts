import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'

/**
 * Below the range from which Linux takes the source ports of outgoing connections (32768 and up by default): a port from
 * that range can be in use by a connection just when a restarted proxy wants it back.
 */
const firstPort = 15_100
const lastPort = 32_700

/** Ports that are looked at before giving up. */
const attemptLimit = 2_000

/** Ports kept for this process until it releases them. */
export interface PortReservation {
  readonly ports: readonly number[]
  readonly release: () => Promise<void>
}

function isFree(port: number): boolean {
  try {
    const listener = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
    listener.stop(true)
    return true
  } catch {
    return false // In use by someone else.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function claim(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o600 })
    return true
  } catch {
    const owner = Number(await readFile(file, 'utf8').catch(() => ''))
    // A mark whose owner was killed is removed here and free for the next who comes by; taking it over would be a race.
    if (owner > 1 && !isAlive(owner)) await rm(file, { force: true })
    return false
  }
}

/**
 * Picks free loopback ports that no other `weft run` of this user is about to bind: each is marked by a file until
 * released. The mark matters because the ports are bound later, by the proxy and the application.
 *
 * @param options.directory Where the marks lie; a directory of this user under the temporary directory by default.
 * @param options.range Ports to choose from.
 * @throws {CliError} `WEFT_RUN_PORTS` if there are none.
 */
export async function reservePorts(
  count: number,
  options: { readonly directory?: string; readonly range?: readonly [first: number, end: number] } = {},
): Promise<PortReservation> {
  const [first, end] = options.range ?? [firstPort, lastPort]
  const directory = options.directory ?? join(tmpdir(), `weft-ports-${process.getuid?.() ?? 0}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const ports: number[] = []
  const release = async () => {
    await Promise.all(ports.map((port) => rm(join(directory, String(port)), { force: true })))
  }
  for (let attempt = 0; ports.length < count && attempt < attemptLimit; attempt += 1) {
    const port = first + Math.floor(Math.random() * (end - first))
    if (ports.includes(port) || !(await claim(join(directory, String(port))))) continue
    ports.push(port)
    if (isFree(port)) continue
    ports.pop()
    await rm(join(directory, String(port)), { force: true })
  }
  if (ports.length < count) {
    await release()
    throw new CliError(
      'WEFT_RUN_PORTS',
      `Expected ${count} free loopback ports from ${first} to ${end - 1}, found ${ports.length}`,
      'End what listens there, or give fixed ports with --port PORT:APPLICATION_PORT',
    )
  }
  return { ports, release }
}

/** How many ports are marked, for tests and diagnosis. */
export async function reservedPorts(directory: string): Promise<readonly number[]> {
  return (await readdir(directory)).map(Number).toSorted((a, b) => a - b)
}
