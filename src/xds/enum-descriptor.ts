import type { DescEnum, DescEnumValue, DescFile, DescMessage } from '@bufbuild/protobuf'
import type { EnumDescriptorProto, EnumValueDescriptorProto } from '@bufbuild/protobuf/wkt'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { safeObjectProperty } from '@bufbuild/protobuf/reflect'
import { type DescriptorOwner, fullNameIn } from './descriptor-owner.ts'
import { readNameOf } from './read-field-proto.ts'

/** An enumeration of a proto3 file; its values are read when they are asked for. */
export class EnumDescriptor implements DescEnum {
  readonly kind = 'enum'
  readonly open = true
  readonly name: string
  readonly typeName: string
  readonly file: DescFile
  readonly parent: DescMessage | undefined
  /** Serialized `EnumDescriptorProto`. */
  readonly #bytes: Uint8Array
  #content: Content | undefined

  constructor(bytes: Uint8Array, owner: DescriptorOwner) {
    this.#bytes = bytes
    this.file = owner.file
    this.parent = owner.parent
    this.name = readNameOf(bytes)
    this.typeName = fullNameIn(owner, this.name)
  }

  get values(): DescEnumValue[] {
    return this.#read().values
  }

  get value(): Record<number, DescEnumValue> {
    return this.#read().value
  }

  get sharedPrefix(): string | undefined {
    return this.#read().sharedPrefix
  }

  get deprecated(): boolean {
    return this.proto.options?.deprecated ?? false
  }

  get proto(): EnumDescriptorProto {
    const siblings = this.parent?.proto.enumType ?? this.file.proto.enumType
    const found = siblings.find(({ name }) => name === this.name)
    if (found === undefined) throw new TypeError(`Expected ${this.typeName} in ${this.file.name}`)
    return found
  }

  toString(): string {
    return `enum ${this.typeName}`
  }

  #read(): Content {
    this.#content ??= readContent(this, this.#bytes)
    return this.#content
  }
}

interface Content {
  readonly values: DescEnumValue[]
  readonly value: Record<number, DescEnumValue>
  readonly sharedPrefix: string | undefined
}

class EnumValueDescriptor implements DescEnumValue {
  readonly kind = 'enum_value'
  readonly name: string
  readonly localName: string
  readonly number: number
  readonly parent: DescEnum

  constructor(parent: DescEnum, entry: NamedNumber, sharedPrefix: string | undefined) {
    this.parent = parent
    this.name = entry.name
    this.localName = safeObjectProperty(entry.name.slice(sharedPrefix?.length ?? 0))
    this.number = entry.number
  }

  get jsonName(): string {
    return this.name
  }

  get deprecated(): boolean {
    return this.proto.options?.deprecated ?? false
  }

  get proto(): EnumValueDescriptorProto {
    const found = this.parent.proto.value.find(({ name }) => name === this.name)
    if (found === undefined) throw new TypeError(`Expected ${this.name} in ${this.parent.typeName}`)
    return found
  }

  toString(): string {
    return `enum value ${this.parent.typeName}.${this.name}`
  }
}

interface NamedNumber {
  readonly name: string
  readonly number: number
}

/** Field numbers of `EnumDescriptorProto` and `EnumValueDescriptorProto`. */
const EnumField = { value: 2 } as const
const ValueField = { name: 1, number: 2 } as const

function readContent(parent: DescEnum, bytes: Uint8Array): Content {
  const entries: NamedNumber[] = []
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === EnumField.value) entries.push(readValue(reader.bytes()))
    else reader.skip(wireType, no)
  }
  const sharedPrefix = findSharedPrefix(parent.name, entries)
  const values = entries.map((entry) => new EnumValueDescriptor(parent, entry, sharedPrefix))
  const value: Record<number, DescEnumValue> = {}
  // Of two names for one number the first counts.
  for (const entry of values) value[entry.number] ??= entry
  return { values, value, sharedPrefix }
}

function readValue(bytes: Uint8Array): NamedNumber {
  let name = ''
  let number = 0
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === ValueField.name) name = reader.string()
    else if (no === ValueField.number) number = reader.int32()
    else reader.skip(wireType, no)
  }
  return { name, number }
}

/** `my_enum_` of `MyEnum` when every value starts so and something that is a name follows. */
function findSharedPrefix(enumName: string, entries: readonly NamedNumber[]): string | undefined {
  const prefix = `${enumName.slice(0, 1)}${enumName.slice(1).replaceAll(/[A-Z]/g, '_$&')}_`.toLowerCase()
  const shared = entries.every(
    ({ name }) => name.toLowerCase().startsWith(prefix) && /^\D/.test(name.slice(prefix.length)),
  )
  return shared ? prefix : undefined
}
