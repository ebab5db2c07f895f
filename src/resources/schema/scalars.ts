import { describeValue } from '../describe-value.ts'
import { suggest } from '../suggestion.ts'
import type { Reader } from './collections.ts'
import type { Place } from './place.ts'

/** Takes any value as it is: for fields that belong to others, such as `status`. */
export const anything: Reader<unknown> = (value) => value

/** Reads a text that may be empty. */
export const text: Reader<string> = (value, place) =>
  typeof value === 'string'
    ? value
    : place.report({ code: 'WEFT_FIELD_TYPE', expected: 'a text', got: describeValue(value), ...quoteRemedy(value) })

/** Reads a text with at least one character. */
export const filledText: Reader<string> = (value, place) =>
  value === ''
    ? place.report({ code: 'WEFT_FIELD_VALUE', expected: 'a text that is not empty', got: '""' })
    : text(value, place)

/** Reads `true` or `false`. */
export const boolean: Reader<boolean> = (value, place) =>
  typeof value === 'boolean'
    ? value
    : place.report({ code: 'WEFT_FIELD_TYPE', expected: 'true or false', got: describeValue(value) })

/** Reads a whole number of a range, both ends included. */
export function integer(minimum: number, maximum: number): Reader<number> {
  return (value, place) => {
    const expected = `a whole number from ${minimum} to ${maximum}`
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value) })
    }
    if (value < minimum || value > maximum)
      return place.report({ code: 'WEFT_FIELD_VALUE', expected, got: String(value) })
    return value
  }
}

/** Reads a port number. */
export const portNumber: Reader<number> = integer(1, 65_535)

/** Reads a number of a range, both ends included. */
export function decimal(minimum: number, maximum: number): Reader<number> {
  return (value, place) => {
    const expected = `a number from ${minimum} to ${maximum}`
    if (typeof value !== 'number') return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value) })
    if (!(value >= minimum && value <= maximum)) {
      return place.report({ code: 'WEFT_FIELD_VALUE', expected, got: String(value) })
    }
    return value
  }
}

/** Reads one of a list of names, spelled exactly. */
export function oneOf<const Name extends string>(names: readonly Name[]): Reader<Name> {
  return (value, place) => {
    const found = names.find((name) => name === value)
    if (found !== undefined) return found
    const near = typeof value === 'string' ? suggest(value, names) : undefined
    return place.report({
      code: typeof value === 'string' ? 'WEFT_FIELD_VALUE' : 'WEFT_FIELD_TYPE',
      expected: `one of ${names.join(', ')}`,
      got: describeValue(value),
      ...(near === undefined ? {} : { remedy: `Did you mean ${near}?` }),
    })
  }
}

/** Reads a text of a form; `expected` describes the form. */
export function pattern(form: RegExp, expected: string, maximum = 253): Reader<string> {
  return (value, place) => {
    if (typeof value !== 'string') {
      return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value), ...quoteRemedy(value) })
    }
    if (value.length > maximum) {
      return place.report({
        code: 'WEFT_FIELD_VALUE',
        expected: `at most ${maximum} characters`,
        got: String(value.length),
      })
    }
    return form.test(value) ? value : place.report({ code: 'WEFT_FIELD_VALUE', expected, got: describeValue(value) })
  }
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** Reads a DNS label (RFC 1123): lower-case letters, digits and `-`, at most 63. */
export const dnsLabel: Reader<string> = pattern(label, 'a DNS label (lower-case letters, digits and -)', 63)

/** Reads a DNS name (RFC 1123): labels joined by dots, at most 253 characters. */
export const dnsName: Reader<string> = pattern(subdomain, 'a DNS name (lower-case letters, digits, - and .)', 253)

/** Refuses control characters in a text that reaches header blocks or logs. */
export function refuseControlCharacters(value: string, place: Place): string | undefined {
  // A line break or NUL in a value that reaches a header block or a log would forge another line.
  // oxlint-disable-next-line no-control-regex
  if (!/[\u0000-\u001f\u007f]/.test(value)) return value
  return place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: 'a text without control characters',
    got: describeValue(value),
  })
}

function quoteRemedy(value: unknown): { remedy?: string } {
  return typeof value === 'number' || typeof value === 'boolean'
    ? { remedy: `Put it in quotes: "${String(value)}"` }
    : {}
}
