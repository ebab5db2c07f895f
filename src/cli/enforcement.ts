import type { ApiClient } from '../control/rest/index.ts'
import { ExitCode } from './command.ts'
import type { Terminal } from './output/terminal.ts'

/** Waits until every affected proxy acknowledged `revision`, prints how many did and names the others; exit 1 if any. */
export async function waitForEnforcement(
  client: Pick<ApiClient, 'enforcement'>,
  terminal: Terminal,
  revision: number,
  timeoutMs: number,
): Promise<number> {
  const { affected, enforced, pending } = await client.enforcement(revision, timeoutMs)
  const done = enforced === affected && pending.length === 0
  const line = `enforced on ${enforced} of ${affected} ${affected === 1 ? 'proxy' : 'proxies'}`
  terminal.err(`${done ? terminal.color.good(line) : terminal.color.bad(line)}\n`)
  for (const { id, reason } of pending) terminal.err(`  ${terminal.color.bold(id)}: ${reason}\n`)
  return done ? ExitCode.ok : ExitCode.failed
}
