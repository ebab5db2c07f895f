import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'bun:test'
import { stringify } from 'yaml'
import { type CompileResult, emitToYaml } from '../../src/compile/index.ts'
import { casesFolder, compileCase } from './compile-case.ts'

const cases = readdirSync(casesFolder).toSorted()

/** What the golden file holds: resources, then what was said about them. */
function render(result: CompileResult): string {
  const warnings = result.warnings.map(({ code, message, origin }) => ({ code, message, line: origin.line }))
  return emitToYaml(result.snapshot) + (warnings.length === 0 ? '' : stringify({ warnings }, { lineWidth: 0 }))
}

describe('compileProxy() writes what the golden file says', () => {
  test.each(cases)('%s', (name) => {
    const path = join(casesFolder, name, 'xds.yaml')
    const text = render(compileCase(name))
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text)
    expect(existsSync(path)).toBe(true)
    expect(text).toBe(readFileSync(path, 'utf8'))
  })

  test('there are at least 20 cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(20)
  })
})
