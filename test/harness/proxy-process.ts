/** `weft proxy` as a process of its own, over a bootstrap without a control plane. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { self } from './run-weft.ts'
import { waitUntil } from './wait-until.ts'

/** One started `weft proxy`, and whoever came after it. */
export interface ProxyProcess extends AsyncDisposable {
  readonly pid: number
  readonly directory: string
  readonly bootstrapPath: string
  readonly pidFile: string
  readonly exited: Promise<number>
  /** What it and its successors printed so far. */
  readonly log: () => Promise<string>
  readonly kill: (signal: NodeJS.Signals) => void
  /** Process id in the pid file; 0 when there is none. */
  readonly servingPid: () => Promise<number>
}

/** Starts it and waits until its pid file says that it serves. */
export async function startProxyProcess(bootstrap: string, args: readonly string[] = []): Promise<ProxyProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-proxy-'))
  const bootstrapPath = join(directory, 'bootstrap.yaml')
  const pidFile = join(directory, 'proxy.pid')
  const logPath = join(directory, 'log')
  await writeFile(bootstrapPath, bootstrap)
  const output = Bun.file(logPath)
  const child = Bun.spawn([...self, 'proxy', '-c', bootstrapPath, '--pid-file', pidFile, ...args], {
    stdin: 'ignore',
    stdout: output,
    stderr: output,
    env: { ...process.env, NO_COLOR: '1' },
  })
  const servingPid = async (): Promise<number> => {
    const text = await Bun.file(pidFile)
      .text()
      .catch(() => '')
    return Number.parseInt(text, 10) || 0
  }
  const log = (): Promise<string> => output.text().catch(() => '')
  const stop = async (): Promise<void> => {
    const pids = new Set([child.pid, await servingPid()])
    for (const pid of pids) if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGTERM')
    await child.exited
    await waitUntil('the proxies have ended', () => [...pids].every((pid) => pid === 0 || !isAlive(pid)))
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await waitUntil('the proxy serves', async () => child.exitCode !== null || (await servingPid()) > 0)
    if (child.exitCode !== null) throw new Error(`weft proxy ended with ${child.exitCode}: ${await log()}`)
  } catch (cause) {
    await stop()
    throw cause
  }
  return {
    pid: child.pid,
    directory,
    bootstrapPath,
    pidFile,
    exited: child.exited,
    log,
    kill: (signal) => child.kill(signal),
    servingPid,
    [Symbol.asyncDispose]: stop,
  }
}

/** True while a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // No such process.
  }
}
