import type { ApiClient } from '../control/rest/index.ts'
import { ExitCode } from './command.ts'
import type { Terminal } from './output/terminal.ts'

/**
 * Waits until every affected proxy acknowledged `revision`, prints how many did and names the others; exit 1 if any.
 *
 * @param print Where to: not standard output when that is JSON or YAML.
 */
export async function waitForEnforcement(
  client: Pick<ApiClient, 'enforcement'>,
  terminal: Pick<Terminal, 'color'>,
  revision: number,
  options: { readonly timeoutMs: number; readonly print: (text: string) => void },
): Promise<number> {
  const { affected, enforced, pending } = await client.enforcement(revision, options.timeoutMs)
  const done = enforced === affected && pending.length === 0
  const line = `enforced on ${enforced} of ${affected} ${affected === 1 ? 'proxy' : 'proxies'}`
  options.print(`${done ? terminal.color.good(line) : terminal.color.bad(line)}\n`)
  for (const { id, reason } of pending) options.print(`  ${terminal.color.bold(id)}: ${reason}\n`)
  return done ? ExitCode.ok : ExitCode.failed
}
