import { describe, expect, test } from 'bun:test'

import { formatPath, parseFiles, positionOf, type Resource } from './index.ts'

const text = `
apiVersion: v1
kind: Service
metadata:
  name: a
spec:
  "quoted key": 1
  list:
    - one
    -
      deep: [x, {y: z}]
  empty:
`

function resource(): Resource {
  const [found] = parseFiles([{ path: 'in.yaml', text }], { defaultNamespace: 'default' }).resources
  if (found === undefined) throw new Error('Expected an object')
  return found
}

const places: readonly (readonly [string, readonly (string | number)[], number, number])[] = [
  ['the document', [], 2, 1],
  ['a scalar', ['metadata', 'name'], 5, 9],
  ['a map by its key', ['metadata'], 4, 1],
  ['a list by its key', ['spec', 'list'], 8, 3],
  ['an item', ['spec', 'list', 0], 9, 7],
  ['a value in a flow map in a flow list', ['spec', 'list', 1, 'deep', 1, 'y'], 11, 21],
  ['a quoted key', ['spec', 'quoted key'], 7, 17],
  ['the parent of a missing field', ['metadata', 'labels', 'app'], 4, 1],
  ['the parent of a missing item', ['spec', 'list', 7, 'x'], 8, 3],
  ['an empty value', ['spec', 'empty'], 12, 9],
]

describe('positionOf()', () => {
  for (const [what, path, line, column] of places) {
    test(`finds ${what}`, () => {
      expect(positionOf(resource(), path)).toEqual({ line, column })
    })
  }

  test('finds the key when the name itself is meant', () => {
    expect(positionOf(resource(), ['metadata', 'name'], 'key')).toEqual({ line: 5, column: 3 })
  })
})

describe('formatPath()', () => {
  test('writes indexes in brackets and odd keys in quotes', () => {
    expect(formatPath(['spec', 'http', 0, 'route', 1, 'weight'])).toBe('spec.http[0].route[1].weight')
    expect(formatPath(['metadata', 'labels', 'a.b/c'])).toBe('metadata.labels["a.b/c"]')
    expect(formatPath([])).toBe('')
  })
})
