import type * as Re2 from 're2js'

import { err, ok, type Result } from '../../base/index.ts'

/** Longest pattern accepted, in characters: what a user writes by hand is far below it, and compile time grows with it. */
export const maxPatternLength = 4096

/** Largest compiled program accepted (RE2 instructions); `(a{1000}){1000}` is refused here instead of eating memory. */
const maxProgramSize = 10_000

/** A compiled RE2 pattern: linear time, no backtracking, and never a thrown error while matching. */
export interface RegularExpression {
  readonly source: string
  readonly groupCount: number
  /** The whole text matches (`safe_regex` is anchored at both ends). */
  readonly matchesAll: (text: string) => boolean
  /** The same; undefined when the engine failed, for whom no match may let something through. */
  readonly tryMatchesAll: (text: string) => boolean | undefined
  /** Every match replaced as `RE2::GlobalReplace` does; the text itself when nothing matches. */
  readonly replaceAll: (text: string, substitution: Substitution) => string
}

/** A parsed `regex_rewrite.substitution`: literal text and numbers of groups. */
export type Substitution = readonly (string | number)[]

/** Compiles an RE2 pattern; the error says what is wrong with it. */
export function compileRegularExpression(pattern: string): Result<RegularExpression, string> {
  if (pattern === '') return err('Expected a regular expression, got an empty text')
  if (pattern.length > maxPatternLength) {
    return err(`Expected at most ${maxPatternLength} characters, got ${pattern.length}`)
  }
  let compiled: Re2.RE2JS
  try {
    compiled = engine().compile(pattern)
  } catch (cause) {
    return err(`Expected an RE2 regular expression, got ${JSON.stringify(pattern)}: ${messageOf(cause)}`)
  }
  const size = compiled.programSize()
  if (size > maxProgramSize) return err(`Expected a program of at most ${maxProgramSize} instructions, got ${size}`)
  return ok({
    source: pattern,
    groupCount: compiled.groupCount(),
    matchesAll: (text) => matchesAll(compiled, text) === true,
    tryMatchesAll: (text) => matchesAll(compiled, text),
    replaceAll: (text, substitution) => replaceAll(compiled, text, substitution),
  })
}

/**
 * Parses a substitution in RE2's syntax: `\1` to `\9` are groups, `\0` the whole match, `\\` a backslash.
 *
 * @param groupCount Groups of the pattern; a higher number is an error.
 */
export function parseSubstitution(text: string, groupCount: number): Result<Substitution, string> {
  const parts: (string | number)[] = []
  let literal = ''
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char !== '\\') {
      literal += char
      continue
    }
    const next = text.charAt(++at)
    if (next === '\\') {
      literal += '\\'
    } else if (next >= '0' && next <= '9') {
      const group = Number(next)
      if (group > groupCount) return err(`Expected a group of at most ${groupCount}, got \\${group}`)
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push(group)
    } else {
      return err(`Expected a digit or a backslash after the backslash at offset ${at - 1}`)
    }
  }
  if (literal !== '') parts.push(literal)
  return ok(parts)
}

/** The engine, loaded with the first pattern: most proxies have none, and it weighs 9 MB. */
function engine(): typeof Re2.RE2JS {
  const { RE2JS }: typeof Re2 = require('re2js')
  return RE2JS
}

/** A matcher that fails counts as no match for routes: a request must not fail because of an engine's limit. */
function matchesAll(compiled: Re2.RE2JS, text: string): boolean | undefined {
  try {
    return compiled.testExact(text)
  } catch {
    return undefined
  }
}

function replaceAll(compiled: Re2.RE2JS, text: string, substitution: Substitution): string {
  const matcher = compiled.matcher(text)
  let result = ''
  let copied = 0
  let lastEnd = -1
  while (matcher.find()) {
    const start = matcher.start()
    const end = matcher.end()
    // RE2 takes no empty match where the match before ended.
    if (start === end && start === lastEnd) continue
    result += text.slice(copied, start)
    for (const part of substitution) result += typeof part === 'string' ? part : (matcher.group(part) ?? '')
    copied = end
    lastEnd = end
  }
  return copied === 0 && result === '' ? text : result + text.slice(copied)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
