import {
  createRegistry,
  fromJson,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry,
} from '@bufbuild/protobuf'

import { anyTypes } from './any-types.ts'
import { type FaultList, fieldPath, keyPath } from './fault-list.ts'

/** Nesting bound of a document; Envoy's own bootstraps nest far less. */
const maxDepth = 100

/**
 * Reads protobuf JSON into a message; every fault gets the path of its field, in the names that the document uses.
 *
 * @returns The message; undefined when `faults` has got something.
 */
export function messageFromJson<Desc extends DescMessage>(
  schema: Desc,
  json: JsonValue,
  faults: FaultList,
): MessageShape<Desc> | undefined {
  try {
    return fromJson(schema, json, { registry: anyTypes })
  } catch (cause) {
    // The library stops at the first fault and names the innermost field only: look for all of them, with paths.
    locate(schema, json, { path: '', depth: 0, faults })
    if (faults.isEmpty) faults.add('', messageOf(cause))
    return undefined
  }
}

interface Place {
  readonly path: string
  readonly depth: number
  readonly faults: FaultList
}

function locate(schema: DescMessage, json: JsonValue, at: Place): void {
  if (at.depth > maxDepth) {
    at.faults.add(at.path, `Expected at most ${maxDepth} levels`)
    return
  }
  if (!isObject(json)) {
    at.faults.add(at.path, `Expected an object (${shortName(schema)}), got ${kindOf(json)}`)
    return
  }
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key)
    const path = fieldPath(at.path, key)
    if (field === undefined) at.faults.add(path, `${shortName(schema)} has no field ${key}`)
    else locateInField(schema, field, { value, key, place: { ...at, path, depth: at.depth + 1 } })
  }
  checkOneofs(schema, json, at)
}

interface FieldValue {
  readonly value: JsonValue
  readonly key: string
  readonly place: Place
}

function locateInField(schema: DescMessage, field: DescField, at: FieldValue): void {
  const { value, place } = at
  if (value === null) return
  const message = messageDescOf(field)
  if (message === undefined) {
    tryWhole(schema, { [at.key]: value }, place)
  } else if (field.fieldKind === 'list') {
    if (!Array.isArray(value)) place.faults.add(place.path, `Expected a list, got ${kindOf(value)}`)
    else value.forEach((item, index) => locateMessage(message, item, { ...place, path: `${place.path}[${index}]` }))
  } else if (field.fieldKind === 'map') {
    if (!isObject(value)) place.faults.add(place.path, `Expected an object, got ${kindOf(value)}`)
    else {
      for (const [key, item] of Object.entries(value)) {
        locateMessage(message, item, { ...place, path: keyPath(place.path, key) })
      }
    }
  } else {
    locateMessage(message, value, place)
  }
}

function locateMessage(message: DescMessage, value: JsonValue, at: Place): void {
  if (message.typeName === 'google.protobuf.Any') locateInAny(value, at)
  else if (message.typeName.startsWith('google.protobuf.')) tryWhole(message, value, at)
  else locate(message, value, at)
}

function locateInAny(value: JsonValue, at: Place): void {
  const url = isObject(value) && Object.hasOwn(value, '@type') ? value['@type'] : undefined
  if (!isObject(value) || typeof url !== 'string') {
    at.faults.add(at.path, 'Expected an object with "@type"')
    return
  }
  const type = anyTypes.getMessage(url.slice(url.lastIndexOf('/') + 1))
  if (type === undefined) {
    at.faults.add(at.path, `Extension ${url} is not implemented by this proxy`)
    return
  }
  const { '@type': _, ...fields } = value
  locate(type, fields, at)
}

/** Lets the library judge one value, and reports its reason at the value's own path. */
function tryWhole(schema: DescMessage, value: JsonValue, at: Place): void {
  try {
    fromJson(schema, value, { registry: emptyRegistry })
  } catch (cause) {
    at.faults.add(at.path, messageOf(cause))
  }
}

const emptyRegistry: Registry = createRegistry()

function checkOneofs(schema: DescMessage, json: JsonObject, at: Place): void {
  for (const oneof of schema.oneofs) {
    const given = Object.keys(json).filter((key) =>
      oneof.fields.some(({ name, jsonName }) => (name === key || jsonName === key) && json[key] !== null),
    )
    if (given.length > 1) at.faults.add(fieldPath(at.path, given[1] ?? ''), `Expected only one of ${given.join(', ')}`)
  }
}

function messageDescOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'scalar' || field.fieldKind === 'enum' ? undefined : field.message
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

function shortName(schema: DescMessage): string {
  return schema.typeName.slice(schema.typeName.lastIndexOf('.') + 1)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
