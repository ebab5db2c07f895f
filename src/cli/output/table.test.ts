import { expect, test } from 'bun:test'
import { renderTable } from './table.ts'
import { palette, wantsColor } from './terminal.ts'

test('renderTable() aligns columns by what a terminal shows and leaves no trailing spaces', () => {
  const text = renderTable(
    [{ heading: 'NAME' }, { heading: 'N', align: 'right' }, { heading: 'LAST' }],
    [
      ['a', '1', 'x'],
      ['織物', '200', ''],
      [palette(true).good('green'), '3', 'y'],
    ],
  )
  const plain = Bun.stripANSI(text)
  expect(plain).toBe(['NAME     N  LAST', 'a        1  x', '織物   200', 'green    3  y', ''].join('\n'))
})

test('renderTable() gives the headings alone when there are no rows', () => {
  expect(renderTable([{ heading: 'A' }, { heading: 'B' }], [])).toBe('A  B\n')
})

test.each([
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  [{ TERM: 'dumb' }, true, false],
])('wantsColor() with %o and terminal %p is %p', (env, isTty, expected) => {
  expect(wantsColor(env, isTty)).toBe(expected)
})
