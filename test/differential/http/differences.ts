import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import type { IgnoredField } from './compare.ts'

/** What `docs/envoy-differences.md` says. */
export interface KnownDifferences<Aspect extends string> {
  /** By the name of the case: the aspects in which it differs. */
  readonly cases: ReadonlyMap<string, readonly Aspect[]>
  readonly everywhere: readonly IgnoredField[]
}

const page = resolve(import.meta.dir, '../../../docs/envoy-differences.md')

/**
 * Reads the tables of the page: `| Field | In |` for fields that differ everywhere, and those whose first head is `title` for cases: `everything`, or
 * names of aspects. The paragraph before a table is the reason of all its rows.
 *
 * @throws {Error} If a row names an aspect that does not exist or repeats a case, or a table has no reason before it.
 */
export function readKnownDifferences<Aspect extends string>(
  title: string,
  aspects: readonly Aspect[],
): KnownDifferences<Aspect> {
  const cases = new Map<string, readonly Aspect[]>()
  const everywhere: IgnoredField[] = []
  let reason = ''
  let table = ''
  for (const line of readFileSync(page, 'utf8').split('\n')) {
    if (!line.startsWith('|')) {
      if (table !== '') reason = ''
      table = ''
      if (line !== '') reason = line.startsWith('#') ? '' : line
      continue
    }
    const cells = line.slice(1, -1).split('|')
    const [first = '', second = ''] = cells.map((cell) => cell.trim())
    if (reason === '') throw new Error(`Expected a reason before the table of ${line}`)
    if (table === '') table = first
    else if (/^-+$/.test(first)) continue
    else if (table === 'Field') everywhere.push({ name: first.replaceAll('`', ''), direction: directionOf(second) })
    // Tables of another kind are for other tests.
    else if (table !== title) continue
    else if (cases.has(first)) throw new Error(`Expected case "${first}" in one row only`)
    else
      cases.set(
        first,
        second === 'everything' ? aspects : second.split(',').map((text) => aspectOf(text.trim(), aspects)),
      )
  }
  return { cases, everywhere }
}

function directionOf(text: string): IgnoredField['direction'] {
  if (text !== 'request' && text !== 'response') throw new Error(`Expected request or response, got ${text}`)
  return text
}

function aspectOf<Aspect extends string>(text: string, aspects: readonly Aspect[]): Aspect {
  const found = aspects.find((aspect) => aspect === text)
  if (found === undefined) throw new Error(`Expected one of ${aspects.join(', ')}, got ${text}`)
  return found
}
