import { BinaryReader } from '@bufbuild/protobuf/wire'

/** What a field's descriptor is made from: `google.protobuf.FieldDescriptorProto`, as far as files of proto3 use it. */
export interface FieldProto {
  readonly name: string
  readonly number: number
  readonly isRepeated: boolean
  /** `FieldDescriptorProto.Type`. */
  readonly type: number
  /** Full name of the message or enumeration, with a leading dot; empty for scalars. */
  readonly typeName: string
  readonly oneofIndex: number | undefined
  /** Empty where it follows from the name. */
  readonly jsonName: string
  /** Declared `optional`: presence is kept. */
  readonly isOptional: boolean
  /** The option `packed`, where it is given. */
  readonly packed: boolean | undefined
}

/** Field numbers of `FieldDescriptorProto` and `FieldOptions`. */
const Field = {
  name: 1,
  number: 3,
  label: 4,
  type: 5,
  typeName: 6,
  options: 8,
  oneofIndex: 9,
  jsonName: 10,
  proto3Optional: 17,
} as const
const OptionsField = { packed: 2, jstype: 6 } as const
const labelRepeated = 3

/**
 * Reads a serialized field.
 *
 * @throws {TypeError} For the option `jstype`, which no file of Envoy's API uses.
 */
export function readFieldProto(bytes: Uint8Array): FieldProto {
  const field = {
    name: '',
    number: 0,
    isRepeated: false,
    type: 0,
    typeName: '',
    oneofIndex: undefined as number | undefined,
    jsonName: '',
    isOptional: false,
    packed: undefined as boolean | undefined,
  }
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === Field.name) field.name = reader.string()
    else if (no === Field.number) field.number = reader.int32()
    else if (no === Field.label) field.isRepeated = reader.int32() === labelRepeated
    else if (no === Field.type) field.type = reader.int32()
    else if (no === Field.typeName) field.typeName = reader.string()
    else if (no === Field.options) field.packed = readPacked(reader.bytes())
    else if (no === Field.oneofIndex) field.oneofIndex = reader.int32()
    else if (no === Field.jsonName) field.jsonName = reader.string()
    else if (no === Field.proto3Optional) field.isOptional = reader.bool()
    else reader.skip(wireType, no)
  }
  return field
}

/** The name of a serialized oneof, field or message: field 1 of each. */
export function readNameOf(bytes: Uint8Array): string {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === Field.name) return reader.string()
    reader.skip(wireType, no)
  }
  return ''
}

function readPacked(options: Uint8Array): boolean | undefined {
  let packed: boolean | undefined
  const reader = new BinaryReader(options)
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag()
    if (no === OptionsField.packed) packed = reader.bool()
    else if (no === OptionsField.jstype) throw new TypeError('The option jstype is not served')
    else reader.skip(wireType, no)
  }
  return packed
}
