import { type ApiClient, createApiClient, findServerFile } from '../control/rest/index.ts'
import type { CommandInput } from './command.ts'

/** The client of the control plane that `--server`, `$WEFT_SERVER` or the default data directory names. */
export function clientOf({ options, context }: CommandInput): ApiClient {
  return createApiClient({ serverFile: findServerFile(options.text('server'), context.env) })
}
