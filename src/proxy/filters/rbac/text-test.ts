import { assertNever } from '../../../base/index.ts'
import type { StringMatch } from '../../route/index.ts'

/** Tests a text; never throws. */
export type TextTest = (text: string) => boolean

/**
 * Compiles a string matcher for texts of a request, whose octets are Latin-1 characters.
 *
 * @param onFailure What holds when the matcher itself fails.
 */
export function compileTextTest(match: StringMatch, onFailure: boolean): TextTest {
  if (match.kind === 'regex') {
    const { regex } = match
    return (text) => regex.tryMatchesAll(text) ?? onFailure
  }
  const octets = Buffer.from(match.value, 'utf8').toString('latin1')
  const value = match.ignoreCase ? octets.toLowerCase() : octets
  const test = comparison(match.kind, value)
  return match.ignoreCase ? (text) => test(text.toLowerCase()) : test
}

function comparison(kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string): TextTest {
  switch (kind) {
    case 'exact':
      return (text) => text === value
    case 'prefix':
      return (text) => text.startsWith(value)
    case 'suffix':
      return (text) => text.endsWith(value)
    case 'contains':
      return (text) => text.includes(value)
    default:
      return assertNever(kind)
  }
}
