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
    this.packed = this.fieldKind === 'list' ? isPacked(proto, type) : undefined
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
    return { kind: 'scalar', scalar: toScalar(type), message: undefined, enum: undefined }
  const found = file.type(typeName)
  return found.kind === 'message'
    ? { kind: 'message', scalar: undefined, message: found, enum: undefined }
    : { kind: 'enum', scalar: undefined, message: undefined, enum: found }
}

/** The scalars have the numbers of `FieldDescriptorProto.Type`. */
function toScalar(type: number): ScalarType {
  const found = scalars.get(type)
  if (found === undefined) throw new TypeError(`Expected a type of a field, got ${type}`)
  return found
}

const scalars: ReadonlyMap<number, ScalarType> = new Map(
  [
    ScalarType.DOUBLE,
    ScalarType.FLOAT,
    ScalarType.INT64,
    ScalarType.UINT64,
    ScalarType.INT32,
    ScalarType.FIXED64,
    ScalarType.FIXED32,
    ScalarType.BOOL,
    ScalarType.STRING,
    ScalarType.BYTES,
    ScalarType.UINT32,
    ScalarType.SFIXED32,
    ScalarType.SFIXED64,
    ScalarType.SINT32,
    ScalarType.SINT64,
  ].map((scalar) => [scalar, scalar]),
)

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
function isPacked({ packed }: FieldProto, { kind, scalar }: FieldType): boolean {
  if (kind === 'message' || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return false
  return packed ?? true
}

function ofName<Proto extends { readonly name: string }>(
  protos: readonly Proto[],
  desc: { readonly name: string; readonly toString: () => string },
): Proto {
  const found = protos.find(({ name }) => name === desc.name)
  if (found === undefined) throw new TypeError(`Expected ${desc.toString()} in its file`)
  return found
}
