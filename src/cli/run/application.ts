import { CliError } from '../cli-error.ts'

/** How to start the application. */
export interface ApplicationOptions {
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Group to run as, in transparent mode: what the redirect recognises it by. */
  readonly groupId: number | undefined
}

/** A running application. */
export interface Application {
  readonly pid: number
  /** Its exit code; 128 and the number of the signal when a signal ended it, as shells have it. */
  readonly exited: Promise<number>
  readonly kill: (signal: NodeJS.Signals) => void
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
}

/**
 * Looks the program up before anything is registered.
 *
 * @throws {CliError} `WEFT_RUN_COMMAND` if there is no such program.
 */
export function findProgram(command: readonly string[], cwd: string, env: ApplicationOptions['env']): string {
  const [program = ''] = command
  const found = Bun.which(program, { cwd, PATH: env['PATH'] ?? '' })
  if (found === null)
    throw new CliError(
      'WEFT_RUN_COMMAND',
      `No program ${JSON.stringify(program)} found`,
      'Give the command of the application after --, with a program that is on the PATH',
    )
  return found
}

/**
 * Words that stand before the command: util-linux setpriv lets the kernel end the application when the supervisor is
 * killed, and gives it its group. Without setpriv (not on Linux) the application runs bare; a group then cannot be set.
 */
export function launcher(groupId: number | undefined): readonly string[] {
  const setpriv = process.platform === 'linux' ? Bun.which('setpriv') : null
  if (setpriv === null) return []
  const group = groupId === undefined ? [] : ['--regid', String(groupId), '--clear-groups']
  return [setpriv, '--pdeathsig', 'KILL', ...group, '--']
}

/** Starts the application in a session of its own, so that Ctrl-C reaches it through the supervisor and not beside it. */
export function startApplication({ command, cwd, env, groupId }: ApplicationOptions): Application {
  const [, ...rest] = command
  const child = Bun.spawn([...launcher(groupId), findProgram(command, cwd, env), ...rest], {
    cwd,
    env: { ...env },
    stdin: 'inherit',
    stdout: 'inherit',
    stderr: 'inherit',
    detached: true,
  })
  return {
    pid: child.pid,
    exited: child.exited.then((code) => {
      const signal = child.signalCode
      return signal === null ? code : 128 + (signalNumbers[signal] ?? 0)
    }),
    kill: (signal) => {
      try {
        child.kill(signal)
      } catch {
        // It has ended already: nothing to signal.
      }
    },
  }
}
