import type { Diagnostic } from './diagnostic.ts'
import type { SourceFile } from './parse-files.ts'

/** Longest piece of a source line that is shown. */
const excerptWidth = 120

/**
 * A diagnostic as text: `file:line:column: field: expected X, got Y. remedy [CODE]`, with `warning: ` or `info: ` before the
 * field where it is no error. With the file's text, the line itself follows with a caret below the column. Control characters of
 * the user's text never reach the terminal.
 */
export function renderDiagnostic(diagnostic: Diagnostic, fileText?: string): string {
  const { file, line, column, severity, field, remedy } = diagnostic
  const rank = severity === 'error' ? '' : `${severity}: `
  const subject = [field, sentenceOf(diagnostic)].filter((part) => part !== '').join(': ')
  const head = printable(
    `${file}:${line}:${column}: ${rank}${subject}.${remedy === undefined ? '' : ` ${remedy}`} [${diagnostic.code}]`,
  )
  const excerpt = fileText === undefined ? undefined : excerptOf(fileText, line, column)
  return excerpt === undefined ? head : `${head}\n${excerpt}`
}

/** All diagnostics as text, one after the other, with the lines of the files they are about. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], files: readonly SourceFile[]): string {
  const texts = new Map(files.map((file) => [file.path, file.text]))
  return diagnostics.map((diagnostic) => `${renderDiagnostic(diagnostic, texts.get(diagnostic.file))}\n`).join('')
}

function sentenceOf(diagnostic: Diagnostic): string {
  const { expected, got, message } = diagnostic
  return expected !== undefined && got !== undefined ? `expected ${expected}, got ${got}` : message
}

function excerptOf(text: string, line: number, column: number): string | undefined {
  const source = nthLine(text, line)
  if (source === undefined) return undefined
  const from = column > excerptWidth ? column - Math.floor(excerptWidth / 2) : 0
  const shown = printable(source.slice(from, from + excerptWidth))
  const margin = ' '.repeat(String(line).length)
  return `  ${line} | ${shown}\n  ${margin} | ${' '.repeat(Math.max(column - 1 - from, 0))}^`
}

function nthLine(text: string, line: number): string | undefined {
  let start = 0
  for (let current = 1; current < line; current += 1) {
    const end = text.indexOf('\n', start)
    if (end < 0) return undefined
    start = end + 1
  }
  const end = text.indexOf('\n', start)
  return text.slice(start, end < 0 ? text.length : end)
}

function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- An escape sequence in a user's file must not act on the terminal.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
