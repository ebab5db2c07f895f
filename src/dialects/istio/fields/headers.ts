import type { HeaderOperations } from '../../../model/index.ts'
import { describeValue } from '../../../resources/index.ts'
import {
  list,
  mapOf,
  object,
  optional,
  pattern,
  type Place,
  type Read,
  type Reader,
  refuseControlCharacters,
  text,
  transform,
} from '../../../resources/schema/index.ts'

const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const headerName = pattern(nameForm, 'a header name', 256)

const headerValue: Reader<string> = transform(text, (value, place) => {
  // Envoy reads `%` as the start of a format command and `%%` as a percent sign; the model's values are literal.
  if (value.replaceAll('%%', '').includes('%')) {
    return place.report({
      code: 'WEFT_ISTIO_UNSUPPORTED',
      message: `Format commands in header values are not yet supported, got ${describeValue(value)}`,
      remedy: 'Write a literal value, with %% for a percent sign',
    })
  }
  return refuseControlCharacters(value.replaceAll('%%', '%'), place)
})

function checkName(name: string, place: Place): void {
  if (nameForm.test(name) || name === ':authority') return
  place.report({ code: 'WEFT_FIELD_VALUE', expected: 'a header name', got: describeValue(name), pointAt: 'key' })
}

function refuseHost(name: string, place: Place): void {
  if (!isHost(name)) return
  place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: 'any header but Host',
    got: describeValue(name),
    remedy: 'Use set to replace the host',
    pointAt: 'key',
  })
}

const operationFields = {
  set: optional(mapOf(headerValue, checkName)),
  add: optional(
    mapOf(headerValue, (name, place) => {
      checkName(name, place)
      refuseHost(name, place)
    }),
  ),
  remove: optional(
    list(
      transform(headerName, (name, place) => {
        refuseHost(name, place)
        return name.toLowerCase()
      }),
    ),
  ),
}

/** Reads `headers` of a route or a destination. */
export const headersReader = object({
  request: optional(object(operationFields)),
  response: optional(object(operationFields)),
})

/** `set`, `add` and `remove`, as written. */
export type HeaderOperationsSpec = Read<typeof operationFields>

/** Edits with lower-case names; a set of `host` or `:authority` is left out, see `hostSetBy`. */
export function toHeaderOperations(spec: HeaderOperationsSpec | undefined): HeaderOperations {
  return {
    set: pairs(spec?.set).filter(([name]) => !isHost(name)),
    add: pairs(spec?.add),
    remove: spec?.remove ?? [],
  }
}

/** The value that a header operation sets the host to. */
export function hostSetBy(spec: HeaderOperationsSpec | undefined): string | undefined {
  return pairs(spec?.set).find(([name]) => isHost(name))?.[1]
}

function pairs(map: ReadonlyMap<string, string> | undefined): readonly (readonly [string, string])[] {
  return [...(map ?? [])].map(([name, value]) => [name.toLowerCase(), value] as const)
}

function isHost(name: string): boolean {
  const lower = name.toLowerCase()
  return lower === 'host' || lower === ':authority'
}
