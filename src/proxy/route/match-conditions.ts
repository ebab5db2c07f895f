import { assertNever } from '../../base/index.ts'
import type { RequestView } from './decision.ts'
import { firstQueryValue } from './query-value.ts'
import type { HeaderMatch, QueryMatch, StringMatch } from './route-definition.ts'

/** One compiled condition on a request; never throws. */
export type Condition = (request: RequestView) => boolean

/** Compiles a string matcher. */
export function matchesString(match: StringMatch): (text: string) => boolean {
  if (match.kind === 'regex') return match.regex.matchesAll
  const value = match.ignoreCase ? match.value.toLowerCase() : match.value
  const compare = comparison(match.kind, value)
  return match.ignoreCase ? (text) => compare(text.toLowerCase()) : compare
}

/**
 * Compiles a header condition with Envoy's rules: a missing header matches nothing but `present_match: false` (or an
 * inverted `present_match: true`), not even an inverted value match, unless it is to be treated as empty.
 */
export function compileHeaderMatch(match: HeaderMatch): Condition {
  const read = headerReader(match.name)
  const { condition, invert, missingIsEmpty } = match
  if (condition.kind === 'present') {
    const wanted = condition.present !== invert
    if (missingIsEmpty) return () => wanted
    return (request) => (read(request) !== undefined) === wanted
  }
  const test = condition.kind === 'string' ? matchesString(condition.match) : inRange(condition.start, condition.end)
  return (request) => {
    const value = read(request)
    if (value === undefined && !missingIsEmpty) return false
    return test(value ?? '') !== invert
  }
}

/** Compiles a query parameter condition: the first value counts, as it stands in the URL (not decoded). */
export function compileQueryMatch(match: QueryMatch): Condition {
  const { name, condition } = match
  if (condition.kind === 'present') {
    const wanted = condition.present
    return (request) => (firstQueryValue(request.query, name) !== undefined) === wanted
  }
  const test = matchesString(condition.match)
  return (request) => {
    const value = firstQueryValue(request.query, name)
    return value !== undefined && test(value)
  }
}

function comparison(kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string): (text: string) => boolean {
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

/** Headers by name; pseudo headers come from the request line, `host` is `:authority` as in Envoy's HTTP/1 codec. */
function headerReader(name: string): (request: RequestView) => string | undefined {
  switch (name) {
    case ':method':
      return (request) => request.method
    case ':authority':
    case 'host':
      return (request) => request.authority
    case ':path':
      return (request) => (request.query === '' ? request.path : `${request.path}?${request.query}`)
    case ':scheme':
      return (request) => request.scheme
    default:
      return (request) => request.header(name)
  }
}

const integer = /^[+-]?\d{1,19}$/

/** Tests a value of `range_match`: `start` is in, `end` is out; what is no integer is out. */
export function inRange(start: bigint, end: bigint): (text: string) => boolean {
  return (text) => {
    if (!integer.test(text)) return false
    const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
    return value >= start && value < end
  }
}
