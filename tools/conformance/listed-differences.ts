import { readFileSync } from 'node:fs'

/**
 * Reads the tables of a Markdown file whose first column is headed `Case` (or `heading`) and whose second says what differs. A case that is listed
 * twice, or without a reason in front of its table, is an error.
 */
export function readListedDifferences(path: string, heading = 'Case'): Map<string, string> {
  const listed = new Map<string, string>()
  let reason = false
  let inTable = false
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const cells = /^\|(?<cells>.*)\|$/.exec(line)?.groups?.['cells']?.split('|')
    const [name = '', differs = ''] = cells?.map((cell) => cell.trim()) ?? []
    if (cells === undefined) {
      if (inTable) reason = false
      inTable = false
      if (line !== '') reason = !line.startsWith('#')
    } else if (name === heading) {
      if (!reason) throw new Error(`Expected a reason before each table of cases in ${path}`)
      inTable = true
    } else if (inTable && !/^-+$/.test(name)) {
      if (listed.has(name)) throw new Error(`Expected ${name} once in ${path}`)
      listed.set(name, differs)
    }
  }
  return listed
}
