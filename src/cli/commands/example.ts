import { applications, startApplication } from '../../../examples/bookinfo/index.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { endWithParent } from '../end-with-parent.ts'
import { untilSignal } from '../until-signal.ts'

const prefix = 'bookinfo-'

/** `weft example bookinfo-<service>`: a sample application in this process, on `$PORT`, until it is told to end. */
export async function runExample({ args, context }: CommandInput): Promise<number> {
  const [name = ''] = args
  const create = name.startsWith(prefix) ? applications.get(name.slice(prefix.length)) : undefined
  if (create === undefined)
    throw new UsageError(
      `Unknown application ${name}`,
      `Use one of: ${[...applications.keys()].map((key) => prefix + key).join(', ')}`,
    )
  endWithParent(context.env)
  const running = startApplication(
    create(context.env['SERVICE_VERSION'] ?? 'v1'),
    Number(context.env['PORT'] ?? '9080'),
  )
  await untilSignal(['SIGINT', 'SIGTERM'])
  await running.stop()
  return ExitCode.ok
}
