import pico from 'picocolors'

/** Where a command prints. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard output is a terminal: it may be redrawn in place. */
  readonly interactive: boolean
  readonly size: () => { readonly columns: number; readonly rows: number }
  readonly color: Palette
}

/** The few styles in use; each is the identity when colours are off. */
export interface Palette {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly warn: (text: string) => string
  readonly accent: (text: string) => string
}

/** Colours, or none: `NO_COLOR` and a pipe turn them off, `FORCE_COLOR` on. */
export function palette(enabled: boolean): Palette {
  // The runtime's `isTTY` is undefined, not false, where there is no terminal; the library would take that for its own default.
  const colors = pico.createColors(enabled || false)
  return {
    bold: colors.bold,
    dim: colors.dim,
    good: colors.green,
    bad: colors.red,
    warn: colors.yellow,
    accent: colors.cyan,
  }
}

/** Whether to colour, from the environment and whether the output is a terminal. */
export function wantsColor(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false
  if ((env['FORCE_COLOR'] ?? '') !== '' && env['FORCE_COLOR'] !== '0') return true
  return isTty && env['TERM'] !== 'dumb'
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const isTty = process.stdout.isTTY
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: isTty && process.env['TERM'] !== 'dumb',
    size: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }),
    color: palette(wantsColor(process.env, isTty)),
  }
}
