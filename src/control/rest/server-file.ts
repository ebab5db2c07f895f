import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { MeshError } from '../../base/index.ts'

const serverFileSchema = z.object({ api: z.url(), xds: z.string(), caFile: z.string(), tokenFile: z.string() })

/** `control-plane.json`: how to reach a control plane that runs on this machine. Paths are absolute. */
export type ServerFile = z.infer<typeof serverFileSchema>

/** Name of the file in the data directory. */
export const serverFileName = 'control-plane.json'

/** The data directory when none is named: `$WEFT_HOME`, else `~/.weft`. */
export function defaultDataDir(env: Readonly<Record<string, string | undefined>>): string {
  const home = env['WEFT_HOME']
  return home === undefined || home === '' ? join(homedir(), '.weft') : home
}

/** Which server file counts: `--server FILE`, else `$WEFT_SERVER`, else the one in the default data directory. */
export function findServerFile(option: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const named = option ?? env['WEFT_SERVER']
  return named === undefined || named === '' ? join(defaultDataDir(env), serverFileName) : named
}

/**
 * Reads a server file.
 *
 * @throws {MeshError} `WEFT_CONTROL_NO_SERVER` if it is absent (no control plane runs there) or malformed.
 */
export async function readServerFile(path: string): Promise<ServerFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new MeshError('WEFT_CONTROL_NO_SERVER', `No control plane found: ${path} cannot be read`, { cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MeshError('WEFT_CONTROL_NO_SERVER', `Expected JSON in ${path}`, { cause })
  }
  const parsed = serverFileSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new MeshError('WEFT_CONTROL_NO_SERVER', `Malformed ${path}: ${z.prettifyError(parsed.error)}`)
}
