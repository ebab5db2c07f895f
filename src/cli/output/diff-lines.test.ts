import { expect, test } from 'bun:test'
import { diffLines } from './diff-lines.ts'

test('diffLines() is empty when the texts are equal', () => {
  expect(diffLines('a\nb\n', 'a\nb\n')).toEqual([])
})

test('diffLines() shows what was removed and added between what stayed', () => {
  expect(diffLines('a\nb\nc\n', 'a\nx\nc\nd\n')).toEqual([' a', '-b', '+x', ' c', '+d'])
})

test('diffLines() shows a new text as added', () => {
  expect(diffLines('', 'a\nb\n')).toEqual(['+a', '+b'])
})

test('diffLines() keeps three lines around a change and marks what it leaves out between two', () => {
  const before = Array.from({ length: 20 }, (_, index) => `l${index}`)
  const after = before.with(2, 'X').with(17, 'Y')
  const lines = diffLines(before.join('\n'), after.join('\n'))
  expect(lines).toContain('+X')
  expect(lines).toContain('+Y')
  expect(lines).toContain('...')
  expect(lines).not.toContain(' l10')
  expect(lines.filter((line) => line === '...')).toHaveLength(1)
})
