import type { StringMatch } from '../../../model/index.ts'
import {
  filledText,
  object,
  optional,
  type Place,
  regex,
  type Reader,
  text,
  transform,
} from '../../../resources/schema/index.ts'

const anyValue: Reader<string> = (value, place) => (value === '*' ? '*' : regex(value, place))

const valueFields = { exact: optional(text), prefix: optional(filledText), regex: optional(regex) }
const headerFields = { exact: optional(text), prefix: optional(filledText), regex: optional(anyValue) }

/** Reads a condition that must say something: one of exact, prefix and regex, not empty. */
export const filledStringMatch: Reader<StringMatch> = transform(object(valueFields, checkOne), (given, place) => {
  const match = toMatch(given)
  if (match.kind !== 'present' && match.value !== '') return match
  return place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: 'one of exact, prefix and regex, not empty',
    got: 'nothing to match',
  })
})

/** Reads the condition of a query parameter: `{}` is presence, `exact: ""` an empty value. */
export const queryStringMatch: Reader<StringMatch> = transform(object(valueFields, checkOne), toMatch)

/** Reads the condition of a header: `{}`, an empty `exact` and the regex `*` all mean presence. */
export const headerStringMatch: Reader<StringMatch> = transform(object(headerFields, checkOne), (given) => {
  const match = toMatch(given)
  const anything = (match.kind === 'exact' && match.value === '') || (match.kind === 'regex' && match.value === '*')
  return anything ? { kind: 'present' } : match
})

interface Written {
  readonly exact?: string
  readonly prefix?: string
  readonly regex?: string
}

function checkOne(_: Partial<Written>, place: Place, written: (name: string) => boolean): void {
  const given = ['exact', 'prefix', 'regex'].filter((name) => written(name))
  if (given.length > 1) {
    place.report({
      code: 'WEFT_FIELD_CONFLICT',
      message: `Only one of exact, prefix and regex may be set, got ${given.join(' and ')}`,
      remedy: 'Keep one, or write two matches',
    })
  }
}

function toMatch(given: Written): StringMatch {
  if (given.exact !== undefined) return { kind: 'exact', value: given.exact }
  if (given.prefix !== undefined) return { kind: 'prefix', value: given.prefix }
  if (given.regex !== undefined) return { kind: 'regex', value: given.regex }
  return { kind: 'present' }
}
