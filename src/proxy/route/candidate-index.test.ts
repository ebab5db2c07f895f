import { expect, test } from 'bun:test'
import {
  array,
  assert,
  boolean,
  constant,
  constantFrom,
  oneof,
  property,
  record,
  string,
  type Arbitrary,
} from 'fast-check'

import { createCandidateIndex } from './candidate-index.ts'
import type { PathMatch } from './route-definition.ts'

function matches(path: PathMatch, text: string): boolean {
  if (path.kind === 'connect') return false
  if (path.kind === 'regex') return path.regex.matchesAll(text)
  const [value, subject] = path.ignoreCase ? [path.value.toLowerCase(), text.toLowerCase()] : [path.value, text]
  if (path.kind === 'exact') return subject === value
  return (
    subject.startsWith(value) &&
    (path.kind === 'prefix' || subject.length === value.length || subject[value.length] === '/')
  )
}

const anyRegex = {
  source: '.*',
  groupCount: 0,
  matchesAll: () => true,
  tryMatchesAll: () => true,
  replaceAll: (text: string) => text,
}
const pathText = string({ unit: constantFrom('/', 'a', 'b', 'A'), maxLength: 6 }).map((rest) => `/${rest}`)
const pathMatch: Arbitrary<PathMatch> = oneof(
  {
    weight: 9,
    arbitrary: record({
      kind: constantFrom('exact', 'prefix', 'separated-prefix'),
      value: pathText,
      ignoreCase: boolean(),
    }),
  },
  { weight: 1, arbitrary: constant<PathMatch>({ kind: 'regex', regex: anyRegex }) },
)

test('candidates() leaves out no route that matches and keeps their order', () => {
  assert(
    property(array(pathMatch, { maxLength: 12 }), pathText, (paths, request) => {
      const routes = paths.map((path, id) => ({ path, id }))
      const scanned = routes.filter(({ path }) => matches(path, request)).map(({ id }) => id)
      const candidates = createCandidateIndex(routes).candidates(request)
      expect(candidates.filter(({ path }) => matches(path, request)).map(({ id }) => id)).toEqual(scanned)
    }),
  )
})

test('candidates() looks at few of many routes that differ late', () => {
  const names = Array.from({ length: 26 }, (_, index) => String.fromCharCode(97 + index))
  const routes = names.map((name) => ({
    path: { kind: 'prefix', value: `/api/v1/${name}`, ignoreCase: false } as const,
  }))
  expect(createCandidateIndex(routes).candidates('/api/v1/users')).toHaveLength(1)
  expect(createCandidateIndex(routes).candidates('/api/v1')).toHaveLength(0)
})
