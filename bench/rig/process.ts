import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** A proxy or backend of a run, pinned to one core. */
export interface Pinned extends AsyncDisposable {
  readonly pid: number
  /** User and system time so far, microseconds, of the process and its children. */
  readonly cpuUs: () => number
  /** Memory of the process and its children now. */
  readonly memory: () => Memory
}

/** Memory of processes, MiB, as the kernel counts it in `smaps_rollup`. */
export interface Memory {
  readonly rssMiB: number
  /** Each page that several processes map is shared out among them. */
  readonly pssMiB: number
  /** Pages that no other process maps. */
  readonly privateMiB: number
}

const ticksPerSecond = 100

function descendants(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number)
    return [pid, ...children.flatMap(descendants)]
  } catch {
    return []
  }
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command name may hold spaces; fields count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function memoryOf(pids: readonly number[]): Memory {
  const texts = pids.map((pid) => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  const mebibytes = (name: RegExp): number =>
    texts.reduce((sum, text) => sum + [...text.matchAll(name)].reduce((own, match) => own + Number(match[1]), 0), 0) /
    1024
  return {
    rssMiB: mebibytes(/^Rss:\s+(\d+)/gm),
    pssMiB: mebibytes(/^Pss:\s+(\d+)/gm),
    privateMiB: mebibytes(/^Private_(?:Clean|Dirty):\s+(\d+)/gm),
  }
}

/** Starts a command pinned to a core; its output is shown only when it fails to start. */
export function startPinned(core: number, argv: readonly string[]): Pinned {
  const run = Bun.spawn(['taskset', '-c', String(core), ...argv], { stdout: 'ignore', stderr: 'pipe' })
  return {
    pid: run.pid,
    cpuUs: () => descendants(run.pid).reduce((sum, pid) => sum + cpuTicks(pid), 0) * (1_000_000 / ticksPerSecond),
    memory: () => memoryOf(descendants(run.pid)),
    [Symbol.asyncDispose]: async () => {
      run.kill('SIGTERM')
      const late = setTimeout(() => run.kill('SIGKILL'), 3000)
      await run.exited
      clearTimeout(late)
    },
  }
}

/** Waits until something accepts connections on the port. Fails after 15 s, naming what was waited for. */
export async function waitForPort(port: number, what: string): Promise<void> {
  const deadline = performance.now() + 15_000
  while (performance.now() < deadline) {
    if (await accepts(port)) return
    await Bun.sleep(20)
  }
  throw new Error(`Expected ${what} to accept connections on port ${port} within 15 s`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}

/** Whether a command is on the PATH. */
export function installed(command: string): boolean {
  return Bun.which(command) !== null
}

/** First match of `pattern` in what a version command prints on either stream. */
export function versionOf(argv: readonly string[], pattern: RegExp): string {
  const run = Bun.spawnSync([...argv], { stdout: 'pipe', stderr: 'pipe' })
  return pattern.exec(`${run.stdout.toString()}${run.stderr.toString()}`)?.[1] ?? 'unknown'
}
