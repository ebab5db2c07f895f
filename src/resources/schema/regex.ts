import { RE2JS } from 're2js'

import { describeValue } from '../describe-value.ts'
import type { Reader } from './collections.ts'

/** Longest regular expression that is taken, in characters. */
const maxRegexLength = 1024

/** Largest compiled regular expression that is taken, in instructions of the RE2 program. */
const maxRegexProgram = 2000

/** Reads a regular expression in RE2 syntax: linear time, no back references, no look-around. */
export const regex: Reader<string> = (value, place) => {
  const expected = 'a regular expression in RE2 syntax'
  if (typeof value !== 'string') return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value) })
  if (value === '') return place.report({ code: 'WEFT_FIELD_VALUE', expected, got: describeValue(value) })
  if (value.length > maxRegexLength) {
    return place.report({
      code: 'WEFT_FIELD_VALUE',
      expected: `at most ${maxRegexLength} characters`,
      got: String(value.length),
    })
  }
  const compiled = compile(value)
  if (typeof compiled === 'string') {
    return place.report({ code: 'WEFT_FIELD_VALUE', expected, got: describeValue(value), remedy: compiled })
  }
  if (compiled.program > maxRegexProgram) {
    const got = `one of ${compiled.program}`
    return place.report({
      code: 'WEFT_FIELD_VALUE',
      expected: `a regular expression of at most ${maxRegexProgram} instructions`,
      got,
    })
  }
  return value
}

/** Number of groups of a pattern that `regex` took, 0 for one that it refused. */
export function regexGroups(pattern: string): number {
  const compiled = compile(pattern)
  return typeof compiled === 'string' ? 0 : compiled.groups
}

function compile(pattern: string): { readonly program: number; readonly groups: number } | string {
  try {
    const compiled = RE2JS.compile(pattern)
    return { program: compiled.programSize(), groups: compiled.groupCount() }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `Not RE2: ${reason.replace(/^error parsing regexp: /, '')}`
  }
}
