import { expect, test } from 'bun:test'

import { compileRegularExpression, maxPatternLength, parseSubstitution } from './regular-expression.ts'

function replace(pattern: string, substitution: string, text: string): string {
  const regex = compileRegularExpression(pattern)
  if (!regex.ok) throw new Error(regex.error)
  const parsed = parseSubstitution(substitution, regex.value.groupCount)
  if (!parsed.ok) throw new Error(parsed.error)
  return regex.value.replaceAll(text, parsed.value)
}

test.each([
  ['(.*)', '\\1-x', 'abc', 'abc-x'],
  ['a*', '-', 'baac', '-b-c-'],
  ['(a)(b)?', '[\\1\\2]', 'acab', '[a]c[ab]'],
  ['b', '\\0\\0', 'abc', 'abbc'],
  ['b', '\\\\', 'abc', 'a\\c'],
  ['b', '$1', 'abc', 'a$1c'],
  ['b', '', 'b', ''],
])('replaceAll() of %p by %p in %p gives %p', (pattern, substitution, text, expected) => {
  expect(replace(pattern, substitution, text)).toBe(expected)
})

test.each([
  ['(', 'RE2'],
  ['', 'empty'],
  ['a(?=b)', 'RE2'],
  ['(a)\\1', 'RE2'],
  ['a'.repeat(maxPatternLength + 1), 'at most'],
  ['((a{100}){100}){100}', 'RE2'],
])('compileRegularExpression() refuses %p', (pattern, reason) => {
  const result = compileRegularExpression(pattern)
  expect(result.ok ? '' : result.error).toContain(reason)
})

test('parseSubstitution() refuses groups that are not there and loose backslashes', () => {
  expect(parseSubstitution('\\2', 1).ok).toBe(false)
  expect(parseSubstitution('\\x', 1).ok).toBe(false)
  expect(parseSubstitution('a\\', 1).ok).toBe(false)
})

test('matchesAll() takes linear time on a pattern that backtracking engines choke on', () => {
  const regex = compileRegularExpression('(a+)+b')
  expect(regex.ok && regex.value.matchesAll('a'.repeat(5000))).toBe(false)
})
