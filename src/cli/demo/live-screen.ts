import type { Terminal } from '../output/terminal.ts'

const hideCursor = '\u001B[?25l'
const showCursor = '\u001B[?25h'
const clearBelow = '\u001B[J'

/** A block of text that is redrawn in place. */
export interface LiveScreen {
  readonly draw: (text: string) => void
  /** Leaves the last picture standing and gives the cursor back. */
  readonly close: () => void
}

/** A line cut to what the terminal shows, so that no line wraps and the count of lines is right. */
function fit(line: string, columns: number): string {
  return Bun.stringWidth(line) <= columns ? line : Bun.sliceAnsi(line, 0, columns)
}

/**
 * Redraws over the lines of the last picture on a terminal. In a pipe nothing can be redrawn: every picture is appended as
 * plain lines.
 */
export function liveScreen(terminal: Terminal): LiveScreen {
  if (!terminal.interactive) return { draw: (text) => terminal.out(text), close: () => {} }
  let lines = 0
  terminal.out(hideCursor)
  return {
    draw: (text) => {
      const { columns, rows } = terminal.size()
      const shown = text
        .trimEnd()
        .split('\n')
        .slice(0, Math.max(1, rows - 1))
        .map((line) => fit(line, columns))
      const up = lines === 0 ? '' : `\u001B[${lines}A`
      terminal.out(`\r${up}${clearBelow}${shown.join('\n')}\n`)
      lines = shown.length
    },
    close: () => terminal.out(showCursor),
  }
}
