import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { ProxyProcessOptions } from '../../proxy/index.ts'
import { UsageError } from '../cli-error.ts'
import type { CommandInput } from '../command.ts'

/** Variable with the path at which the process before this one, or its supervisor, hands its sockets over. */
export const handoverVariable = 'WEFT_ENV_HANDOVER'

/** Variable of a worker: its slot, a space, and the Unix socket for its admin interface. */
export const workerVariable = 'WEFT_ENV_WORKER'

/** Most workers: each is a whole process. */
const maxWorkers = 128

/** What `weft proxy` was asked to do. */
export interface ProxyCommandOptions {
  readonly bootstrapPath: string
  readonly stateDir: string | undefined
  readonly identity: ProxyProcessOptions['identity']
  readonly drainMs: number
  readonly drainTimeMs: number
  /** 0: one process, without a supervisor. */
  readonly workers: number
  readonly pidFile: string | undefined
  /** Where the sockets are taken over from; undefined: from nobody. */
  readonly handover: string | undefined
  readonly worker: { readonly slot: number; readonly adminSocket: string } | undefined
}

/** Reads the options. @throws {UsageError} When they do not go together. */
export async function parseProxyOptions(input: CommandInput): Promise<ProxyCommandOptions> {
  const { options, context } = input
  const path = (name: string): string | undefined => {
    const value = options.text(name)
    return value === undefined ? undefined : resolve(context.cwd, value)
  }
  const stateDir = path('state-dir')
  const isSuccessor = options.flag('hot-restart')
  if (isSuccessor && stateDir === undefined)
    throw new UsageError(
      'Expected --state-dir with --hot-restart',
      'Give the state directory of the proxy that is to be replaced, or send SIGUSR2 to it',
    )
  const workers = parseWorkers(options.text('workers'))
  if (isSuccessor && workers > 0)
    throw new UsageError(
      'Expected --hot-restart without --workers',
      'Send SIGUSR2 to the supervisor: it replaces its workers one after another',
    )
  return {
    bootstrapPath: path('config-path') ?? '',
    stateDir,
    identity: identityOptions(input, path),
    drainMs: options.durationMs('drain-timeout') ?? 10_000,
    drainTimeMs: options.durationMs('drain-time') ?? 600_000,
    workers,
    pidFile: path('pid-file'),
    handover:
      context.env[handoverVariable] ?? (isSuccessor && stateDir !== undefined ? await readPlace(stateDir) : undefined),
    worker: parseWorker(context.env[workerVariable]),
  }
}

/** The file in which a proxy says where it hands its sockets over: its process id, a space, and the path of the Unix socket. */
export function handoverFile(stateDir: string): string {
  return join(stateDir, 'handover')
}

/** Where the identity comes from, or nothing when no flag names one. */
function identityOptions({ options }: CommandInput, path: (name: string) => string | undefined) {
  const spiffeId = options.text('spiffe-id')
  const caUrl = options.text('ca-url')
  const caFile = path('ca-file')
  const joinTokenFile = path('join-token-file')
  if (spiffeId === undefined && caUrl === undefined && caFile === undefined && joinTokenFile === undefined)
    return undefined
  if (spiffeId === undefined || caUrl === undefined || caFile === undefined)
    throw new UsageError(
      'Expected --spiffe-id, --ca-url and --ca-file together',
      'Give all three, or none when the bootstrap holds the certificates',
    )
  return { spiffeId, caUrl, caFile, ...(joinTokenFile === undefined ? {} : { joinTokenFile }) }
}

function parseWorkers(text: string | undefined): number {
  if (text === undefined) return 0
  if (text === 'auto') return Math.min(availableParallelism(), maxWorkers)
  const workers = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (workers >= 1 && workers <= maxWorkers) return workers
  throw new UsageError(`Expected auto or a number from 1 to ${maxWorkers} for --workers, got ${text}`)
}

function parseWorker(text: string | undefined): ProxyCommandOptions['worker'] {
  const match = /^(\d+) (.+)$/.exec(text ?? '')
  return match === null ? undefined : { slot: Number(match[1]), adminSocket: match[2] ?? '' }
}

async function readPlace(stateDir: string): Promise<string | undefined> {
  const text = await Bun.file(handoverFile(stateDir))
    .text()
    .catch(() => '')
  return /^\d+ (.+)$/.exec(text.trim())?.[1]
}
