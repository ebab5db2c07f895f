import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf'
import { ScalarType } from '@bufbuild/protobuf'
import { protoCamelCase, safeObjectProperty } from '@bufbuild/protobuf/reflect'
import type { FieldDescriptorProto, OneofDescriptorProto } from '@bufbuild/protobuf/wkt'
import type { DescriptorFile } from './descriptor-owner.ts'
import type { FieldProto } from './read-field-proto.ts'

/** Where a field stands. */
export interface FieldPlace {
  readonly parent: DescMessage & { readonly file: DescriptorFile }
  readonly oneof: DescOneof | undefined
  /** Entries of the message's map fields. */
  readonly mapEntries: readonly DescMessage[]
}

/** `FieldDescriptorProto.Type` beside the scalars. */
const messageType = 11
const enumType = 14

/** `FeatureSet.FieldPresence`. */
const presence = { explicit: 1, implicit: 2 } as const

/** Makes the descriptor of a field of proto3. */
export function createField(proto: FieldProto, place: FieldPlace): DescField {
  const field = new FieldDescriptor(proto, place)
  // The union that the library declares has a shape for each kind of field; one class keeps them all of one shape.
  return field as unknown as DescField
}

/** A oneof of a message; its fields are added by whoever reads the message. */
export class OneofDescriptor implements DescOneof {
  readonly kind = 'oneof'
  readonly name: string
  readonly localName: string
  readonly parent: DescMessage
  readonly fields: DescField[] = []
  readonly deprecated = false

  constructor(parent: DescMessage, name: string) {
    this.parent = parent
    this.name = name
    this.localName = safeObjectProperty(protoCamelCase(name))
  }

  get proto(): OneofDescriptorProto {
    return ofName(this.parent.proto.oneofDecl, this)
  }

  toString(): string {
    return `oneof ${this.parent.typeName}.${this.name}`
  }
}

class FieldDescriptor {
  readonly kind = 'field'
  readonly name: string
  readonly number: number
  readonly localName: string
  readonly jsonName: string
  readonly parent: DescMessage
  readonly oneof: DescOneof | undefined
  readonly presence: number
  readonly utf8Validation = true
  readonly fieldKind: 'scalar' | 'enum' | 'message' | 'list' | 'map'
  readonly listKind: 'scalar' | 'enum' | 'message' | undefined
  readonly mapKind: 'scalar' | 'enum' | 'message' | undefined
  readonly mapKey: ScalarType | undefined
  readonly scalar: ScalarType | undefined
  readonly message: DescMessage | undefined
  readonly enum: DescEnum | undefined
  readonly delimitedEncoding: boolean | undefined
  readonly packed: boolean | undefined
  readonly longAsString = false

  constructor(proto: FieldProto, { parent, oneof, mapEntries }: FieldPlace) {
    const entry = mapEntries.find(({ typeName }) => `.${typeName}` === proto.typeName)
    const type = entry === undefined ? typeOf(proto, parent.file) : mapType(entry)
    const localName = protoCamelCase(proto.name)
    this.name = proto.name
    this.number = proto.number
    this.localName = oneof === undefined ? safeObjectProperty(localName) : localName
    this.jsonName = proto.jsonName === '' ? localName : proto.jsonName
    this.parent = parent
    this.oneof = oneof
    this.presence = presenceOf(proto, oneof)
    this.fieldKind = entry !== undefined ? 'map' : proto.isRepeated ? 'list' : type.kind
    this.listKind = this.fieldKind === 'list' ? type.kind : undefined
    this.mapKind = this.fieldKind === 'map' ? type.kind : undefined
    this.mapKey = entry?.fields.find(({ number }) => number === 1)?.scalar
    this.scalar = type.scalar
    this.message = type.message
    this.enum = type.enum
    this.delimitedEncoding = type.kind === 'message' || entry !== undefined ? false : undefined
    this.packed = this.fieldKind === 'list' ? isPacked(proto) : undefined
  }

  get deprecated(): boolean {
    return this.proto.options?.deprecated ?? false
  }

  get proto(): FieldDescriptorProto {
    return ofName(this.parent.proto.field, this)
  }

  /** Fields of proto3 have none but the zero value. */
  getDefaultValue(): undefined {
    return undefined
  }

  toString(): string {
    return `field ${this.parent.typeName}.${this.name}`
  }
}

interface FieldType {
  readonly kind: 'scalar' | 'enum' | 'message'
  readonly scalar: ScalarType | undefined
  readonly message: DescMessage | undefined
  readonly enum: DescEnum | undefined
}

function typeOf({ type, typeName }: FieldProto, file: DescriptorFile): FieldType {
  if (type !== messageType && type !== enumType)
    return { kind: 'scalar', scalar: type as ScalarType, message: undefined, enum: undefined }
  const found = file.type(typeName)
  return found.kind === 'message'
    ? { kind: 'message', scalar: undefined, message: found, enum: undefined }
    : { kind: 'enum', scalar: undefined, message: undefined, enum: found }
}

function mapType(entry: DescMessage): FieldType {
  const value = entry.fields.find(({ number }) => number === 2)
  if (value === undefined || value.fieldKind === 'list' || value.fieldKind === 'map')
    throw new TypeError(`Expected a value in ${entry.typeName}`)
  return { kind: value.fieldKind, scalar: value.scalar, message: value.message, enum: value.enum }
}

function presenceOf({ isRepeated, isOptional, type }: FieldProto, oneof: DescOneof | undefined): number {
  if (isRepeated) return presence.implicit
  return oneof !== undefined || isOptional || type === messageType ? presence.explicit : presence.implicit
}

/** What has a length on the wire cannot be packed; the rest of proto3 is unless the option says otherwise. */
function isPacked({ type, packed }: FieldProto): boolean {
  if (type === messageType || type === (ScalarType.STRING as number) || type === (ScalarType.BYTES as number))
    return false
  return packed ?? true
}

function ofName<Proto extends { readonly name: string }>(
  protos: readonly Proto[],
  desc: { readonly name: string },
): Proto {
  const found = protos.find(({ name }) => name === desc.name)
  if (found === undefined) throw new TypeError(`Expected ${desc.toString()} in its file`)
  return found
}
