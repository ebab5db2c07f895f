import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { type Aspect, aspects, type IgnoredField } from './compare.ts'

/** What `docs/envoy-differences.md` says. */
export interface KnownDifferences {
  /** By the name of the case: the aspects in which it differs. */
  readonly cases: ReadonlyMap<string, readonly Aspect[]>
  readonly everywhere: readonly IgnoredField[]
}

const page = resolve(import.meta.dir, '../../../docs/envoy-differences.md')

/**
 * Reads the two tables of the page: `| Field | In | Why |` for fields that differ everywhere, `| Cases | Differs in | Why |` for the rest,
 * with the names of cases between semicolons.
 *
 * @throws {Error} If a row names an aspect that does not exist, gives no reason, or repeats a case.
 */
export function readKnownDifferences(): KnownDifferences {
  const cases = new Map<string, readonly Aspect[]>()
  const everywhere: IgnoredField[] = []
  let table = ''
  for (const line of readFileSync(page, 'utf8').split('\n')) {
    if (!line.startsWith('|')) {
      table = ''
      continue
    }
    const [first = '', second = '', why = ''] = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim())
    if (table === '') table = first
    else if (/^-+$/.test(first)) continue
    else if (why === '') throw new Error(`Expected a reason in ${line}`)
    else if (table === 'Field') everywhere.push({ name: first.replaceAll('`', ''), direction: directionOf(second) })
    else if (table === 'Cases') {
      for (const name of first.split(';').map((text) => text.trim())) {
        if (cases.has(name)) throw new Error(`Expected case "${name}" in one row only`)
        cases.set(
          name,
          second.split(',').map((text) => aspectOf(text.trim())),
        )
      }
    }
  }
  return { cases, everywhere }
}

function directionOf(text: string): IgnoredField['direction'] {
  if (text !== 'request' && text !== 'response') throw new Error(`Expected request or response, got ${text}`)
  return text
}

function aspectOf(text: string): Aspect {
  const found = aspects.find((aspect) => aspect === text)
  if (found === undefined) throw new Error(`Expected one of ${aspects.join(', ')}, got ${text}`)
  return found
}
