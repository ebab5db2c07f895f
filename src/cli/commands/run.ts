import { dirname, resolve } from 'node:path'
import { createApiClient, findServerFile, readServerFile } from '../../control/rest/index.ts'
import type { CommandInput } from '../command.ts'
import { endWithParent } from '../end-with-parent.ts'
import { parseRunOptions, runWorkload } from '../run/index.ts'
import { selfCommand } from '../self-command.ts'

/** `weft run`: an application with its proxy; the exit code is the application's. */
export async function runRun(input: CommandInput): Promise<number> {
  const { context, options } = input
  const run = parseRunOptions(input)
  endWithParent(context.env, 'terminate')
  const serverFile = resolve(context.cwd, findServerFile(options.text('server'), context.env))
  const server = await readServerFile(serverFile)
  // Signals count from the first moment on: one that comes while things start ends them in order.
  let handler: (signal: NodeJS.Signals) => void = () => {}
  const missed: NodeJS.Signals[] = []
  handler = (signal) => void missed.push(signal)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => handler(signal))
  // One that comes before there is a proxy to replace is for nothing, and must not end this process.
  let restart = () => {}
  process.on('SIGUSR2', () => restart())
  return runWorkload(run, {
    context,
    client: createApiClient({ serverFile }),
    apiUrl: server.api,
    dataDir: resolve(context.cwd, options.text('data-dir') ?? dirname(serverFile)),
    self: selfCommand(),
    onRestart: (next) => {
      restart = next
    },
    onSignal: (next) => {
      handler = next
      for (const signal of missed.splice(0)) next(signal)
    },
  })
}
