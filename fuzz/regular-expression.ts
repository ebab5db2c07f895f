import { compileRegularExpression, parseSubstitution, type RegularExpression } from '../src/proxy/route/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

/** Where RE2 and the engine of the language mean the same, and neither takes long. */
function isComparable(pattern: string, text: string): boolean {
  return /^[abc.|*+?()]{1,12}$/.test(pattern) && !pattern.includes('(?') && /^[abc]{0,10}$/.test(text)
}

function checkAgainstOwn(pattern: string, text: string, compiled: RegularExpression | undefined): void {
  let own: RegExp | undefined
  try {
    // By itself first: `)(` is none, whatever stands around it.
    own = new RegExp(`^(?:${new RegExp(pattern).source})$`)
  } catch {
    // No pattern for the other engine either; two repetitions in a row are one that only RE2 may take.
    expectThat(compiled === undefined || /[*+?]{2}/.test(pattern), `${pattern} compiles in RE2 only`)
    return
  }
  expectThat(compiled !== undefined || /[*+?]{2}/.test(pattern), `${pattern} does not compile in RE2 only`)
  if (compiled === undefined) return
  const expected = own.test(text)
  expectThat(compiled.matchesAll(text) === expected, `${pattern} on ${JSON.stringify(text)}: expected ${expected}`)
}

function trySubstitution(compiled: RegularExpression, text: string, substitution: string): string {
  expectThat(compiled.replaceAll(text, [0]) === text, 'a text whose matches are replaced by themselves is another')
  const parsed = parseSubstitution(substitution, compiled.groupCount)
  if (!parsed.ok) {
    expectThat(parsed.error !== '', 'a fault without words')
    return parsed.error.slice(0, 20)
  }
  const groups = parsed.value.filter((part) => typeof part === 'number')
  expectThat(
    groups.every((group) => group <= compiled.groupCount),
    `group ${groups.join()} of ${compiled.groupCount}`,
  )
  const replaced = compiled.replaceAll(text, parsed.value)
  const most = (text.length + 1) * (substitution.length + groups.length * text.length) + text.length
  expectThat(replaced.length <= most, `${replaced.length} characters`)
  return `${parsed.value.length} ${replaced === text}`
}

const texts = [
  '/a(b|c)*/.*\0/abc/x\0<\\1>',
  '(a+)+$\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\0\\0',
  '(?i)^x{2,5}[^a-f]\\d?$\0XXxg1\0\\\\',
  'a*?(b|)c?\0abc\0\\2',
  '\\pN+|[[:alpha:]]\u00e9\0caf\u00e9\0-',
]

/** Regular expressions of routes, rewrites and rules, with the text that they are matched against and what replaces it. */
export const regularExpression: FuzzTarget = {
  name: 'regular-expression',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    '(',
    ')',
    '(?:',
    '(?P<n>',
    '(?=',
    '\\1',
    '\\C',
    '{1000}',
    '{2,}',
    '*',
    '+?',
    '|',
    '[',
    ']',
    '[^',
    '\\b',
    '\\pL',
    '$',
    '^',
    '\0',
    '.*',
    '(a*)*',
    '\\x{10FFFF}',
  ],
  run(input) {
    const [pattern = '', text = '', substitution = ''] = input.toString('utf8').split('\0', 3)
    const result = compileRegularExpression(pattern)
    if (isComparable(pattern, text)) checkAgainstOwn(pattern, text, result.ok ? result.value : undefined)
    if (!result.ok) {
      expectThat(
        result.error !== '' && result.error.length < 6 * pattern.length + 300,
        'a fault without words or with too many',
      )
      return /(?:: )?([a-z ]{4,})/.exec(result.error.slice(-40))?.[1] ?? 'refused'
    }
    const compiled = result.value
    expectThat(compiled.matchesAll(text) === (compiled.tryMatchesAll(text) === true), 'two answers')
    return `${compiled.matchesAll(text)} ${compiled.groupCount} ${trySubstitution(compiled, text, substitution)}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(regularExpression)
