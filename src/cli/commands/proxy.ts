import { resolve } from 'node:path'
import { runProxy } from '../../proxy/index.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { endWithParent } from '../end-with-parent.ts'
import { untilSignal } from '../until-signal.ts'

/** Where the identity comes from, or nothing when no flag names one. */
function identityOptions({ options, context }: CommandInput) {
  const path = (name: string) => {
    const value = options.text(name)
    return value === undefined ? undefined : resolve(context.cwd, value)
  }
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

/** `weft proxy`: a proxy in the foreground until SIGINT, SIGTERM or `POST /quitquitquit`; then it drains. */
export async function runProxyCommand(input: CommandInput): Promise<number> {
  const { options, context } = input
  const identity = identityOptions(input)
  const stateDir = options.text('state-dir')
  endWithParent(context.env)
  const ended = new AbortController()
  void untilSignal(['SIGINT', 'SIGTERM']).then(() => ended.abort())
  const proxy = await runProxy({
    bootstrapPath: resolve(context.cwd, options.text('config-path') ?? ''),
    ...(stateDir === undefined ? {} : { stateDir: resolve(context.cwd, stateDir) }),
    ...(identity === undefined ? {} : { identity }),
    drainMs: options.durationMs('drain-timeout') ?? 10_000,
    signal: ended.signal,
  })
  await proxy.done
  return ExitCode.ok
}
