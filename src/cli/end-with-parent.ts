import { dlopen } from 'bun:ffi'

/** Variable by which a parent asks a Weft process to end with it; its value is the parent's process id. */
export const parentVariable = 'WEFT_ENV_PARENT_PID'

/** prctl(2): the signal that the kernel sends when the parent ends, however it ends. */
const prSetParentDeathSignal = 1

const sigkill = 9
const sigterm = 15

/** Where the kernel cannot do it, how often the parent is looked for. */
const pollMs = 500

/**
 * Ends this process when the parent named by `WEFT_ENV_PARENT_PID` ends, also by SIGKILL, so that no proxy and no sample
 * application outlives who started it. Does nothing without the variable.
 *
 * @param how `kill` ends at once; `terminate` sends SIGTERM, for a process that has things to clean up.
 */
export function endWithParent(
  env: Readonly<Record<string, string | undefined>>,
  how: 'kill' | 'terminate' = 'kill',
): void {
  const parent = Number(env[parentVariable] ?? '')
  if (!Number.isInteger(parent) || parent <= 1) return
  const end = () => process.kill(process.pid, how === 'kill' ? 'SIGKILL' : 'SIGTERM')
  if (askKernel(how === 'kill' ? sigkill : sigterm)) {
    // The parent may have ended before the call: then no signal comes.
    if (process.ppid !== parent) end()
    return
  }
  const timer = setInterval(() => {
    try {
      process.kill(parent, 0)
    } catch {
      end() // No such process.
    }
  }, pollMs)
  timer.unref()
}

/** Asks the kernel for a signal at the parent's end; false where there is no such thing. */
function askKernel(signal: number): boolean {
  if (process.platform !== 'linux') return false
  for (const name of ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]) {
    try {
      const { symbols } = dlopen(name, { prctl: { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' } })
      return symbols.prctl(prSetParentDeathSignal, signal, 0, 0, 0) === 0
    } catch {
      // Another C library: try the next name.
    }
  }
  return false
}
