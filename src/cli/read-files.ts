import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CliError } from './cli-error.ts'
import type { CommandContext } from './command.ts'

/** One file of an apply, with its path as the user would say it; `-` is standard input. */
export interface InputFile {
  readonly path: string
  readonly text: string
}

const manifestName = /\.(ya?ml|json)$/i

/** As many as the REST API takes in one call. */
const fileLimit = 10_000

async function expand(path: string, cwd: string): Promise<readonly string[]> {
  const info = await stat(resolve(cwd, path))
  if (!info.isDirectory()) return [path]
  const entries = await readdir(resolve(cwd, path), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && manifestName.test(entry.name))
    .map((entry) => join(path, entry.parentPath.slice(resolve(cwd, path).length), entry.name))
    .toSorted()
}

/**
 * Reads what `-f` names: files, directories (their manifests, also in sub-folders, sorted by name) and `-`.
 *
 * @throws {CliError} `WEFT_CLI_FILE` if one cannot be read, or a directory holds no manifest.
 */
export async function readFiles(paths: readonly string[], context: CommandContext): Promise<readonly InputFile[]> {
  const files: InputFile[] = []
  for (const path of paths) {
    if (path === '-') {
      files.push({ path, text: await context.readStdin() })
      continue
    }
    try {
      const found = await expand(path, context.cwd)
      if (found.length === 0)
        throw new CliError(
          'WEFT_CLI_FILE',
          `No .yaml, .yml or .json file in ${path}`,
          'Name a directory that holds manifests',
        )
      for (const file of found) files.push({ path: file, text: await readFile(resolve(context.cwd, file), 'utf8') })
    } catch (cause) {
      if (cause instanceof CliError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new CliError('WEFT_CLI_FILE', `Cannot read ${path}: ${reason}`, 'Check the path given with -f', { cause })
    }
  }
  if (files.length > fileLimit)
    throw new CliError(
      'WEFT_CLI_FILE',
      `Expected at most ${fileLimit} files, got ${files.length}`,
      'Apply them in parts',
    )
  return files
}
