import { describeValue } from '../describe-value.ts'
import { suggest } from '../suggestion.ts'
import type { Place } from './place.ts'

/** Turns a plain value into a typed one, or reports every fault in it and answers undefined. */
export type Reader<Value> = (value: unknown, place: Place) => Value | undefined

/** A field of an object: how to read it, and what its absence means. `null` in YAML is absence. */
export type Field<Value> =
  | { readonly kind: 'required' | 'optional'; readonly read: Reader<Value> }
  | { readonly kind: 'refused'; readonly refuse: (value: unknown, place: Place) => void }

/** The fields of an object by name. */
export type FieldTable = Readonly<Record<string, Field<unknown>>>

interface RequiredField<Value> {
  readonly kind: 'required'
  readonly read: Reader<Value>
}

interface OptionalField<Value> {
  readonly kind: 'optional'
  readonly read: Reader<Value>
}

interface RefusedField {
  readonly kind: 'refused'
  readonly refuse: (value: unknown, place: Place) => void
}

/** The object type that a field table reads. */
export type Read<Table> = {
  readonly [
    Name in keyof Table as Table[Name] extends RequiredField<unknown> ? Name : never
  ]: Table[Name] extends RequiredField<infer Value> ? Value : never
} & {
  readonly [
    Name in keyof Table as Table[Name] extends OptionalField<unknown> ? Name : never
  ]?: Table[Name] extends OptionalField<infer Value> ? Value : never
}

/**
 * A rule between the fields of one object. It sees the fields that could be read; `written` tells a field that is
 * absent from one whose fault was already reported.
 */
export type ObjectRule<Value> = (value: Partial<Value>, place: Place, written: (name: string) => boolean) => void

/** A field that must be there. */
export function required<Value>(read: Reader<Value>): RequiredField<Value> {
  return { kind: 'required', read }
}

/** A field that may be left out. */
export function optional<Value>(read: Reader<Value>): OptionalField<Value> {
  return { kind: 'optional', read }
}

/** A field that is known and must not be used; `refuse` reports why (or accepts a value that changes nothing). */
export function refused(refuse: (value: unknown, place: Place) => void): RefusedField {
  return { kind: 'refused', refuse }
}

/** Reads a map with named fields: unknown names, missing and faulty fields are all reported, then the rule is applied. */
export function object<Table extends FieldTable>(table: Table, rule?: ObjectRule<Read<Table>>): Reader<Read<Table>> {
  return objectReader(table, rule, 'closed')
}

/** Like `object`, for the few fields that matter of an object that someone else owns: other fields are not looked at. */
export function openObject<Table extends FieldTable>(
  table: Table,
  rule?: ObjectRule<Read<Table>>,
): Reader<Read<Table>> {
  return objectReader(table, rule, 'open')
}

function objectReader<Table extends FieldTable>(
  table: Table,
  rule: ObjectRule<Read<Table>> | undefined,
  others: 'open' | 'closed',
): Reader<Read<Table>> {
  return (value, place) => {
    if (!isPlainMap(value)) {
      const expected = `a map of ${Object.keys(table).slice(0, 6).join(', ')}`
      return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value) })
    }
    const result: Record<string, unknown> = {}
    let complete = true
    for (const name of Object.keys(value)) {
      if (others === 'open' || Object.hasOwn(table, name)) continue
      reportUnknown(name, Object.keys(table), place)
      complete = false
    }
    for (const [name, field] of Object.entries(table)) {
      const given = Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined
      if (given === undefined) {
        if (field.kind !== 'required') continue
        complete = false
        place
          .at(name)
          .report({ code: 'WEFT_FIELD_MISSING', message: `Required field ${name} is missing`, pointAt: 'key' })
      } else if (field.kind === 'refused') {
        field.refuse(given, place.at(name))
      } else {
        const read = field.read(given, place.at(name))
        if (read === undefined) complete = false
        else result[name] = read
      }
    }
    rule?.(result as Partial<Read<Table>>, place, (name) => Object.hasOwn(value, name) && value[name] !== null)
    return complete ? (result as Read<Table>) : undefined
  }
}

function reportUnknown(name: string, known: readonly string[], place: Place): void {
  const near = suggest(name, known)
  const remedy = near === undefined ? `Known fields are ${known.join(', ')}` : `Did you mean ${near}?`
  place
    .at(name)
    .report({ code: 'WEFT_FIELD_UNKNOWN', message: `Unknown field ${JSON.stringify(name)}`, remedy, pointAt: 'key' })
}

/** Reads a list; every item is read, all faults are reported. */
export function list<Item>(
  read: Reader<Item>,
  rule?: (items: readonly (Item | undefined)[], place: Place) => void,
): Reader<readonly Item[]> {
  return (value, place) => {
    if (!Array.isArray(value))
      return place.report({ code: 'WEFT_FIELD_TYPE', expected: 'a list', got: describeValue(value) })
    const given: readonly unknown[] = value
    const items = given.map((item, index) => read(item, place.at(index)))
    rule?.(items, place)
    const good = items.filter((item) => item !== undefined)
    return good.length === items.length ? good : undefined
  }
}

/** Reads a map of free names to values of one kind, in the order they were written. */
export function mapOf<Value>(
  read: Reader<Value>,
  readName: (name: string, place: Place) => void = () => {},
): Reader<ReadonlyMap<string, Value>> {
  return (value, place) => {
    if (!isPlainMap(value)) {
      return place.report({ code: 'WEFT_FIELD_TYPE', expected: 'a map of names to values', got: describeValue(value) })
    }
    const result = new Map<string, Value>()
    let complete = true
    for (const [name, given] of Object.entries(value)) {
      readName(name, place.at(name))
      const item = read(given, place.at(name))
      if (item === undefined) complete = false
      else result.set(name, item)
    }
    return complete ? result : undefined
  }
}

/** Reads a value and turns it into another; `convert` may report a fault and answer undefined. */
export function transform<From, To>(
  read: Reader<From>,
  convert: (value: From, place: Place) => To | undefined,
): Reader<To> {
  return (value, place) => {
    const given = read(value, place)
    return given === undefined ? undefined : convert(given, place)
  }
}

/** Whether a value is a map of names, as YAML and JSON write it. */
export function isPlainMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
