import { expect, test } from 'bun:test'
import { palette } from '../output/terminal.ts'
import { liveScreen } from './live-screen.ts'

function terminal(interactive: boolean) {
  const state = { text: '' }
  return {
    state,
    out: (text: string) => void (state.text += text),
    err: () => {},
    interactive,
    size: () => ({ columns: 10, rows: 4 }),
    color: palette(false),
  }
}

test('liveScreen() redraws over its last picture, cut to the size of the terminal', () => {
  const target = terminal(true)
  const screen = liveScreen(target)
  screen.draw('a line that is too long\nb\n')
  target.state.text = ''
  screen.draw('1\n2\n3\n4\n5\n')
  expect(target.state.text).toBe('\r\u001B[2A\u001B[J1\n2\n3\n')
  screen.close()
  expect(target.state.text).toEndWith('\u001B[?25h')
})

test('liveScreen() appends plain lines in a pipe', () => {
  const target = terminal(false)
  const screen = liveScreen(target)
  screen.draw('a line that is too long\n')
  screen.close()
  expect(target.state.text).toBe('a line that is too long\n')
})
