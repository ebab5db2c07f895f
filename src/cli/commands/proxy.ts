import type { CommandInput } from '../command.ts'
import { endWithParent } from '../end-with-parent.ts'
import { parseProxyOptions, runSingleProxy, superviseWorkers } from '../proxy/index.ts'

/**
 * `weft proxy`: a proxy in the foreground until SIGINT, SIGTERM or `POST /quitquitquit`, then it drains; SIGUSR2 replaces it by a new
 * process without a failed request.
 */
export async function runProxyCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const options = await parseProxyOptions(input)
  endWithParent(context.env)
  if (options.workers > 0 && options.worker === undefined) return await superviseWorkers(options, context)
  return await runSingleProxy(options, context)
}
