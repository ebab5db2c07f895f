import { expect, test } from 'bun:test'

import { compareLimits } from './limit-docs.ts'

const files = [
  { path: 'src/a/limits.ts', text: 'export const maxOne = 1\nexport const L = {\n  two: 2,\n} as const\n' },
  { path: 'src/b/limits.ts', text: 'export interface L {\n  readonly three: number\n}\n' },
]
const page = '## `src/a/limits.ts`\n| `maxOne` | 1 |\n| `two` | 2 |\n## `src/b/limits.ts`\n| `three` | 3 |\n'

test('compareLimits() is content when page and code name the same limits', () => {
  expect(compareLimits(files, page)).toEqual([])
})

test.each([
  [page.replace('| `two` | 2 |\n', ''), 'src/a/limits.ts: limit two is not in'],
  [page.replace('`three`', '`four`'), 'declares no limit four'],
  [`${page}## \`src/c/limits.ts\`\n`, 'there is no src/c/limits.ts'],
  ['', 'limit maxOne is not in'],
])('compareLimits() reports what differs', (text, fault) => {
  expect(compareLimits(files, text).join('\n')).toContain(fault)
})
