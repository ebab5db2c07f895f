import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Names of all targets: the files of this folder that are scripts around one. */
export function listTargets(): readonly string[] {
  return readdirSync(import.meta.dir)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter((file) =>
      readFileSync(join(import.meta.dir, file), 'utf8').includes('\nif (import.meta.main) await fuzzFromCommandLine('),
    )
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted()
}
