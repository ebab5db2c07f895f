import { expect, test } from 'bun:test'
import { array, assert, constantFrom, property, record, tuple } from 'fast-check'

import type { HeaderEdits } from './decision.ts'
import { mergeHeaderEdits } from './header-edits.ts'

/** Applies edits the plain way: remove, set, append. */
function apply(
  headers: readonly (readonly [string, string])[],
  edits: HeaderEdits,
): readonly (readonly [string, string])[] {
  let result = headers.filter(([name]) => !edits.remove.includes(name))
  for (const [name, value] of edits.set) result = [...result.filter(([other]) => other !== name), [name, value]]
  return [...result, ...edits.add]
}

const byName = (headers: readonly (readonly [string, string])[]): Record<string, string[]> => {
  const grouped: Record<string, string[]> = {}
  for (const [name, value] of headers) (grouped[name] ??= []).push(value)
  return grouped
}

const name = constantFrom('a', 'b', 'c')
const pairs = array(tuple(name, constantFrom('1', '2', '3')), { maxLength: 3 })
const level = record({ remove: array(name, { maxLength: 2 }), set: pairs, add: pairs })

test('mergeHeaderEdits() gives what the levels give one after another', () => {
  assert(
    property(array(level, { maxLength: 4 }), pairs, (levels, headers) => {
      const stepwise = levels.reduce<readonly (readonly [string, string])[]>(apply, headers)
      const merged = mergeHeaderEdits(levels)
      expect(byName(merged === undefined ? headers : apply(headers, merged))).toEqual(byName(stepwise))
    }),
  )
})

test('mergeHeaderEdits() is undefined when nothing is edited', () => {
  expect(mergeHeaderEdits([undefined, { remove: [], set: [], add: [] }])).toBeUndefined()
})
