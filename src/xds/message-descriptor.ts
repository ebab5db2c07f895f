import type { DescEnum, DescExtension, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf'
import type { DescriptorProto } from '@bufbuild/protobuf/wkt'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { type DescriptorFile, type DescriptorOwner, fullNameIn } from './descriptor-owner.ts'
import { EnumDescriptor } from './enum-descriptor.ts'
import { createField, OneofDescriptor } from './field-descriptor.ts'
import { readFieldProto, readNameOf } from './read-field-proto.ts'

/** A message of a proto3 file; its fields are read when they are asked for. */
export class MessageDescriptor implements DescMessage {
  readonly kind = 'message'
  readonly name: string
  readonly typeName: string
  readonly file: DescriptorFile
  readonly parent: DescMessage | undefined
  readonly nestedEnums: DescEnum[] = []
  readonly nestedMessages: DescMessage[] = []
  readonly nestedExtensions: DescExtension[] = []
  /** True for the entry of a map field, which is a message on the wire only. */
  readonly isMapEntry: boolean
  readonly #parts: Parts
  readonly #mapEntries: MessageDescriptor[] = []
  #content: Content | undefined

  constructor(bytes: Uint8Array, owner: DescriptorOwner) {
    this.file = owner.file
    this.parent = owner.parent
    this.#parts = splitMessage(bytes)
    this.name = this.#parts.name
    this.typeName = fullNameIn(owner, this.name)
    this.isMapEntry = this.#parts.isMapEntry
    const inside = { file: owner.file, parent: this }
    for (const part of this.#parts.enums) this.nestedEnums.push(new EnumDescriptor(part, inside))
    for (const part of this.#parts.messages) {
      const nested = new MessageDescriptor(part, inside)
      if (nested.isMapEntry) this.#mapEntries.push(nested)
      else this.nestedMessages.push(nested)
    }
  }

  get fields(): DescField[] {
    return this.#read().fields
  }

  get field(): Record<string, DescField> {
    return this.#read().field
  }

  get oneofs(): DescOneof[] {
    return this.#read().oneofs
  }

  get members(): (DescField | DescOneof)[] {
    return this.#read().members
  }

  get deprecated(): boolean {
    return this.proto.options?.deprecated ?? false
  }

  get proto(): DescriptorProto {
    const siblings = this.parent?.proto.nestedType ?? this.file.proto.messageType
    const found = siblings.find(({ name }) => name === this.name)
    if (found === undefined) throw new TypeError(`Expected ${this.typeName} in ${this.file.name}`)
    return found
  }

  toString(): string {
    return `message ${this.typeName}`
  }

  #read(): Content {
    this.#content ??= readContent(this, this.#parts, this.#mapEntries)
    return this.#content
  }
}

/** What stands in a message, still serialized. */
interface Parts {
  readonly name: string
  readonly fields: readonly Uint8Array[]
  readonly messages: readonly Uint8Array[]
  readonly enums: readonly Uint8Array[]
  readonly oneofs: readonly Uint8Array[]
  readonly isMapEntry: boolean
}

interface Content {
  readonly fields: DescField[]
  readonly field: Record<string, DescField>
  readonly oneofs: DescOneof[]
  readonly members: (DescField | DescOneof)[]
}

/** Field numbers of `DescriptorProto` and `MessageOptions`. */
const MessageField = { name: 1, field: 2, nestedType: 3, enumType: 4, options: 7, oneofDecl: 8 } as const
const OptionsField = { mapEntry: 7 } as const

function splitMessage(bytes: Uint8Array): Parts {
  const parts = {
    name: '',
    fields: [] as Uint8Array[],
    messages: [] as Uint8Array[],
    enums: [] as Uint8Array[],
    oneofs: [] as Uint8Array[],
    isMapEntry: false,
  }
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === MessageField.name) parts.name = reader.string()
    else if (no === MessageField.field) parts.fields.push(reader.bytes())
    else if (no === MessageField.nestedType) parts.messages.push(reader.bytes())
    else if (no === MessageField.enumType) parts.enums.push(reader.bytes())
    else if (no === MessageField.oneofDecl) parts.oneofs.push(reader.bytes())
    else if (no === MessageField.options) parts.isMapEntry = isMapEntry(reader.bytes())
    else reader.skip(wireType, no)
  }
  return parts
}

function isMapEntry(options: Uint8Array): boolean {
  const reader = new BinaryReader(options)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === OptionsField.mapEntry) return reader.bool()
    reader.skip(wireType, no)
  }
  return false
}

/** A oneof that only says that a field is `optional` is none for the library; members stand in the order of their first field. */
function readContent(parent: MessageDescriptor, parts: Parts, mapEntries: readonly MessageDescriptor[]): Content {
  const content: Content = { fields: [], field: {}, oneofs: [], members: [] }
  const oneofs = parts.oneofs.map((bytes) => new OneofDescriptor(parent, readNameOf(bytes)))
  for (const bytes of parts.fields) {
    const proto = readFieldProto(bytes)
    const oneof = proto.oneofIndex === undefined || proto.isOptional ? undefined : oneofs[proto.oneofIndex]
    const field = createField(proto, { parent, oneof, mapEntries })
    content.fields.push(field)
    content.field[field.localName] = field
    if (oneof === undefined) content.members.push(field)
    else {
      if (oneof.fields.length === 0) content.members.push(oneof)
      oneof.fields.push(field)
    }
  }
  content.oneofs.push(...oneofs.filter(({ fields }) => fields.length > 0))
  return content
}
