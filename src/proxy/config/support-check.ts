import { fromBinary, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf'
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect'

import { anyTypes } from './any-types.ts'
import { type FaultList, fieldPath, keyPath } from './fault-list.ts'
import type { FieldRule, SupportedFields } from './supported-fields.ts'

/** Nesting bound; Envoy's own messages nest far less. */
const maxDepth = 64

/**
 * Reports every field that is set and not implemented: not in the table, a value that the table does not list, a field
 * that the generated messages do not know, or an extension of unknown type. Nothing that is set is ignored in silence.
 */
export function checkSupport(
  schema: DescMessage,
  message: Message,
  options: { readonly table: SupportedFields; readonly faults: FaultList; readonly path?: string },
): void {
  new SupportCheck(options.table, options.faults).message(reflect(schema, message), options.path ?? '', 0)
}

class SupportCheck {
  readonly #table: SupportedFields
  readonly #faults: FaultList

  constructor(table: SupportedFields, faults: FaultList) {
    this.#table = table
    this.#faults = faults
  }

  message(message: ReflectMessage, path: string, depth: number): void {
    if (depth > maxDepth) {
      this.#faults.add(path, `Expected at most ${maxDepth} levels of messages`)
      return
    }
    const rules = this.#table.get(message.desc.typeName)
    if (rules === undefined) {
      this.#faults.add(path, `${message.desc.typeName} is not implemented by this proxy`)
      return
    }
    for (const unknown of message.getUnknown() ?? []) {
      const where = fieldPath(path, `#${unknown.no}`)
      this.#faults.add(where, `Field number ${unknown.no} of ${message.desc.typeName} is not known to this proxy`)
    }
    for (const field of message.fields) {
      if (!message.isSet(field)) continue
      const rule = Object.hasOwn(rules, field.name) ? rules[field.name] : undefined
      if (rule === undefined) {
        this.#faults.add(fieldPath(path, field.name), `${describe(message, field)} is not implemented by this proxy`)
      } else {
        this.#field(message, field, { rule, path: fieldPath(path, field.name), depth: depth + 1 })
      }
    }
  }

  #field(
    message: ReflectMessage,
    field: DescField,
    at: { readonly rule: FieldRule; readonly path: string; readonly depth: number },
  ): void {
    const { rule, path, depth } = at
    if (typeof rule === 'object' && 'only' in rule) this.#onlyValues(message, field, { ...at, only: rule.only })
    if (typeof rule === 'object' && !('only' in rule) && rule.whole === true) return
    switch (field.fieldKind) {
      case 'message':
        this.#value(message.get(field), path, depth)
        break
      case 'list':
        if (field.listKind !== 'message') break
        for (const [index, item] of [...message.get(field)].entries()) this.#value(item, `${path}[${index}]`, depth)
        break
      case 'map':
        if (field.mapKind !== 'message') break
        for (const [key, value] of message.get(field)) this.#value(value, keyPath(path, String(key)), depth)
        break
      case 'enum':
        this.#enumValue(field, message.get(field), path)
        break
      case 'scalar':
        break
    }
  }

  #value(value: unknown, path: string, depth: number): void {
    if (!isReflectMessage(value)) return
    const type = value.desc.typeName
    if (type === 'google.protobuf.Any') this.#any(value, path, depth)
    else if (!type.startsWith('google.protobuf.')) this.message(value, path, depth)
  }

  #any(any: ReflectMessage, path: string, depth: number): void {
    const { typeUrl = '', value = new Uint8Array() } = any.message as Message & { typeUrl?: string; value?: Uint8Array }
    const type = anyTypes.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1))
    if (type === undefined) {
      this.#faults.add(
        path,
        `Extension ${typeUrl === '' ? 'without type URL' : typeUrl} is not implemented by this proxy`,
      )
      return
    }
    let message: Message
    try {
      message = fromBinary(type, value)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      this.#faults.add(path, `Expected an encoded ${type.typeName}, got bytes that do not decode: ${reason}`)
      return
    }
    this.message(reflect(type, message), path, depth)
  }

  /** A newer control plane may know values that this proxy's descriptors do not. */
  #enumValue(field: DescField, value: unknown, path: string): void {
    if (field.fieldKind !== 'enum' || field.enum.values.some(({ number }) => number === value)) return
    this.#faults.add(path, `Value ${String(value)} of ${field.enum.name} is not implemented by this proxy`)
  }

  #onlyValues(
    message: ReflectMessage,
    field: DescField,
    at: { readonly only: readonly string[]; readonly path: string },
  ): void {
    const text = valueText(field, message.get(field))
    if (at.only.includes(text)) return
    const expected = at.only.length === 0 ? 'no value' : at.only.join(' or ')
    this.#faults.add(at.path, `${text} is not implemented by this proxy; expected ${expected}`)
  }
}

function describe(message: ReflectMessage, field: DescField): string {
  const short = message.desc.typeName.slice(message.desc.typeName.lastIndexOf('.') + 1)
  return `Field ${field.name} of ${short}`
}

/** Enum values by name, wrappers by their value, durations in seconds. */
function valueText(field: DescField, value: unknown): string {
  if (field.fieldKind === 'enum') {
    return field.enum.values.find((candidate) => candidate.number === value)?.name ?? String(value)
  }
  if (isReflectMessage(value)) {
    const plain = value.message as Message & { value?: unknown; seconds?: bigint; nanos?: number }
    if (value.desc.typeName === 'google.protobuf.Duration') {
      return `${Number(plain.seconds ?? 0n) + (plain.nanos ?? 0) / 1e9}s`
    }
    return String(plain.value)
  }
  return String(value)
}

function isReflectMessage(value: unknown): value is ReflectMessage {
  return typeof value === 'object' && value !== null && 'desc' in value && 'fields' in value
}
