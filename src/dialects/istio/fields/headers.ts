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
import { framingHeaders } from '../../../wire/http1/index.ts'
import { authority } from './authority.ts'

const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Reads the name of a header field (RFC 9110 section 5.1). */
export const headerName: Reader<string> = pattern(nameForm, 'a header name', 256)

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
  if (!nameForm.test(name) && name !== ':authority') {
    place.report({ code: 'WEFT_FIELD_VALUE', expected: 'a header name', got: describeValue(name), pointAt: 'key' })
  }
  refuseFraming(name, place)
}

function refuseFraming(name: string, place: Place): void {
  if (!framingHeaders.has(name.toLowerCase())) return
  place.report({
    code: 'WEFT_ISTIO_UNSUPPORTED',
    message: `${name} frames the message or belongs to one connection: it cannot be edited`,
    remedy: `Remove ${name}`,
    pointAt: 'key',
  })
}

function refuseHost(name: string, place: Place, remedy: string): void {
  if (!isHost(name)) return
  place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: 'any header but Host',
    got: describeValue(name),
    remedy,
    pointAt: 'key',
  })
}

function operationFields(message: 'request' | 'response') {
  const useSet = message === 'request' ? 'Use set to replace the host' : 'Responses have no Host'
  const set = mapOf(headerValue, (name, place) => {
    checkName(name, place)
    if (message === 'response') refuseHost(name, place, useSet)
  })
  return {
    set: optional(transform(set, checkHostValue)),
    add: optional(
      mapOf(headerValue, (name, place) => {
        checkName(name, place)
        refuseHost(name, place, useSet)
      }),
    ),
    remove: optional(
      list(
        transform(headerName, (name, place) => {
          refuseHost(name, place, useSet)
          refuseFraming(name, place)
          return name.toLowerCase()
        }),
      ),
    ),
  }
}

/** What a host is set to becomes the authority of the request. */
function checkHostValue(set: ReadonlyMap<string, string>, place: Place): ReadonlyMap<string, string> {
  for (const [name, value] of set) if (isHost(name)) authority(value, place.at(name))
  return set
}

/** Reads `headers` of a route or a destination. */
export const headersReader = object({
  request: optional(object(operationFields('request'))),
  response: optional(object(operationFields('response'))),
})

/** `set`, `add` and `remove`, as written. */
export type HeaderOperationsSpec = Read<ReturnType<typeof operationFields>>

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
