import { root, type SourceFile } from './source-files.ts'

const code = /['"`](WEFT_[A-Z0-9]+(?:_[A-Z0-9]+)+)['"`]/g

/** Codes of `WEFT_` variables that are settings, not errors. */
const environment: ReadonlySet<string> = new Set(['WEFT_HOME', 'WEFT_PARENT_PID', 'WEFT_SERVER'])

/** Error codes that the sources use and `docs/errors.md` does not list, and the reverse. */
export async function checkErrorCodes(files: readonly SourceFile[]): Promise<readonly string[]> {
  const documented = new Set<string>()
  const text = await Bun.file(`${root}/docs/errors.md`).text()
  for (const match of text.matchAll(/^\| `?(WEFT_[A-Z0-9_]+)`? \|/gm)) documented.add(match[1] ?? '')
  const used = new Map<string, string>()
  for (const file of files) {
    if (file.path.endsWith('.test.ts')) continue
    for (const match of file.text.matchAll(code)) {
      const name = match[1] ?? ''
      if (!environment.has(name) && !name.startsWith('WEFT_ENV_')) used.set(name, file.path)
    }
  }
  const faults: string[] = []
  for (const [name, path] of used) {
    if (!documented.has(name)) faults.push(`${path}: error code ${name} is not in docs/errors.md`)
  }
  for (const name of documented) {
    if (!used.has(name)) faults.push(`docs/errors.md: error code ${name} is used nowhere`)
  }
  return faults
}
