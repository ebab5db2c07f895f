import { expect, test } from 'bun:test'
import { parseDuration } from './duration.ts'

test.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['0s', 0],
])('parseDuration() reads %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['5', '', 's', '-1s', '1d', '1s ', '1.s', '8785h', `${'9'.repeat(400)}s`])(
  'parseDuration() refuses %j',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)
