import { BugError, MeshError } from '../../base/index.ts'
import { CliError } from '../cli-error.ts'
import type { Terminal } from './terminal.ts'

/** What to do about failures that come from elsewhere, by code. */
const remedies: Readonly<Record<string, string>> = {
  WEFT_CONTROL_NO_SERVER: 'Start one with `weft up`, or name its file with --server FILE or $WEFT_SERVER',
  WEFT_CONTROL_UNREACHABLE: 'Check that `weft up` still runs, or name another control plane with --server FILE',
}

/** The text for an error that ended a command: message, code and remedy; a bug of Weft's own with its stack. */
export function renderError(error: unknown, terminal: Pick<Terminal, 'color'>): string {
  const { color } = terminal
  if (error instanceof MeshError) {
    const remedy = error instanceof CliError ? error.remedy : remedies[error.code]
    const help = remedy === undefined ? '' : `${color.accent('help')}: ${remedy}\n`
    return `${color.bad('error')}: ${error.message} ${color.dim(`[${error.code}]`)}\n${help}`
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const what = error instanceof BugError ? 'bug' : 'unexpected error'
  return `${color.bad(what)}: ${text}\n`
}
