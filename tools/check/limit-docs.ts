import { root, type SourceFile } from './source-files.ts'

/**
 * Names that a `limits.ts` declares and its section of `docs/limits.md` does not list, and the reverse. A section is headed by the path of
 * the file; each of its rows begins with the name.
 */
export async function checkLimitDocs(files: readonly SourceFile[]): Promise<readonly string[]> {
  return compareLimits(files, await Bun.file(`${root}/docs/limits.md`).text())
}

/** The comparison itself, on texts. */
export function compareLimits(files: readonly SourceFile[], page: string): readonly string[] {
  const sections = readSections(page)
  const faults: string[] = []
  for (const file of files) {
    if (!file.path.endsWith('/limits.ts')) continue
    const documented = sections.get(file.path) ?? new Set()
    sections.delete(file.path)
    const declared = declaredNames(file.text)
    for (const name of declared)
      if (!documented.has(name)) faults.push(`${file.path}: limit ${name} is not in its section of docs/limits.md`)
    for (const name of documented)
      if (!declared.has(name)) faults.push(`docs/limits.md: ${file.path} declares no limit ${name}`)
  }
  for (const path of sections.keys()) faults.push(`docs/limits.md: there is no ${path}`)
  return faults
}

/** Members of exported objects and interfaces, and exported numbers. */
function declaredNames(text: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const match of text.matchAll(/^(?: {2}(?:readonly )?([a-z]\w*)\??: |export const ([a-z]\w*) = [\d(])/gm))
    names.add(match[1] ?? match[2] ?? '')
  return names
}

function readSections(page: string): Map<string, Set<string>> {
  const sections = new Map<string, Set<string>>()
  let section: Set<string> | undefined
  for (const line of page.split('\n')) {
    const heading = /^##+ /.test(line) ? /`(src\/\S+limits\.ts)`/.exec(line)?.[1] : undefined
    if (heading !== undefined) {
      section = new Set()
      sections.set(heading, section)
    } else if (line.startsWith('#')) section = undefined
    const name = /^\| `(\w+)` +\|/.exec(line)?.[1]
    if (name !== undefined) section?.add(name)
  }
  return sections
}
