import { describe, expect, test } from 'bun:test'

import { type Diagnostic, renderDiagnostic, renderDiagnostics } from './index.ts'

const fault: Diagnostic = {
  code: 'WEFT_FIELD_TYPE',
  severity: 'error',
  file: 'a.yaml',
  line: 2,
  column: 9,
  resource: 'Service default/a',
  field: 'spec.port',
  message: 'Expected a number, got "x"',
  expected: 'a number',
  got: '"x"',
  remedy: 'Write 80',
}

describe('renderDiagnostic()', () => {
  test('writes place, field, expected, got, remedy and code on one line', () => {
    expect(renderDiagnostic(fault)).toBe(
      'a.yaml:2:9: spec.port: expected a number, got "x". Write 80 [WEFT_FIELD_TYPE]',
    )
  })

  test('writes the message, and the severity of what is no error', () => {
    const { expected: _, got: __, remedy: ___, ...rest } = fault
    expect(renderDiagnostic({ ...rest, severity: 'warning', field: '', message: 'Odd' })).toBe(
      'a.yaml:2:9: warning: Odd. [WEFT_FIELD_TYPE]',
    )
  })

  test('points below the column of the source line', () => {
    expect(renderDiagnostic(fault, 'spec:\n  port: x\n').split('\n').slice(1)).toEqual([
      '  2 |   port: x',
      '    |         ^',
    ])
  })

  test('shows a window of a long line', () => {
    const [, line = '', caret = ''] = renderDiagnostic(
      { ...fault, line: 1, column: 5000 },
      'y'.repeat(4999) + 'X',
    ).split('\n')
    expect(line.length).toBeLessThan(140)
    expect(line[caret.indexOf('^')]).toBe('X')
  })

  test('lets no control character of the file reach the terminal', () => {
    const text = renderDiagnostic({ ...fault, got: '\u001b[2J', line: 1 }, 'a: \u001b]0;x\u0007\n')
    // oxlint-disable-next-line no-control-regex
    expect(/[\u0000-\u0009\u000b-\u001f]/.test(text)).toBe(false)
  })

  test('leaves the excerpt out when the file has no such line', () => {
    expect(renderDiagnostic({ ...fault, line: 9 }, 'one\n')).not.toContain('\n')
  })
})

describe('renderDiagnostics()', () => {
  test('finds the text of each file by its path', () => {
    const text = renderDiagnostics([fault, { ...fault, file: 'b.yaml' }], [{ path: 'a.yaml', text: 'x\n  port: x\n' }])
    expect(text.split('\n')).toHaveLength(5)
  })
})
