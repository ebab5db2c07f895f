/** Every generated message, judged by the library's own descriptors. */
import {
  clone,
  create,
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
} from '@bufbuild/protobuf'
import { nestedTypes, protoCamelCase } from '@bufbuild/protobuf/reflect'
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { expect, test } from 'bun:test'
import { join } from 'node:path'

const generated = join(import.meta.dir, 'generated')

/** The descriptor that a generated module exports. */
async function fileOf(path: string): Promise<DescFile> {
  const exports: object = await import(join(generated, path))
  const file: unknown = Object.entries(exports).find(([name]) => name.startsWith('file_'))?.[1]
  if (typeof file !== 'object' || file === null || Reflect.get(file, 'kind') !== 'file')
    throw new TypeError(`Expected a file in ${path}`)
  return file as DescFile
}

/** The files and all that they import, each behind its imports. */
function withImports(files: readonly DescFile[], ordered = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (ordered.has(file)) continue
    withImports(file.dependencies, ordered)
    ordered.add(file)
  }
  return ordered
}

/** The generator leaves out imports, which the module has, and `json_name` where it follows from the name. */
function wholeProto({ proto, dependencies }: DescFile): FileDescriptorProto {
  const whole = clone(FileDescriptorProtoSchema, proto)
  whole.dependency = dependencies.map((file) => file.proto.name)
  whole.messageType.forEach(restoreJsonNames)
  return whole
}

function restoreJsonNames(message: DescriptorProto): void {
  for (const field of message.field) if (field.jsonName === '') field.jsonName = protoCamelCase(field.name)
  message.nestedType.forEach(restoreJsonNames)
}

function plainField(field: DescField) {
  const { kind, name, number, localName, jsonName, presence, utf8Validation, fieldKind, scalar, deprecated } = field
  return {
    ...{ kind, name, number, localName, jsonName, presence, utf8Validation, fieldKind, scalar, deprecated },
    message: field.message?.typeName,
    enum: field.enum?.typeName,
    oneof: field.fieldKind === 'list' || field.fieldKind === 'map' ? undefined : field.oneof?.localName,
    listKind: field.fieldKind === 'list' ? field.listKind : undefined,
    packed: field.fieldKind === 'list' ? field.packed : undefined,
    mapKind: field.fieldKind === 'map' ? field.mapKind : undefined,
    mapKey: field.fieldKind === 'map' ? field.mapKey : undefined,
    delimitedEncoding: 'delimitedEncoding' in field ? field.delimitedEncoding : undefined,
    protoName: field.proto.name,
    text: field.toString(),
  }
}

function plainMessage(message: DescMessage) {
  return {
    typeName: message.typeName,
    name: message.name,
    file: message.file.name,
    parent: message.parent?.typeName,
    fields: message.fields.map(plainField),
    byName: Object.keys(message.field),
    members: message.members.map((member) => `${member.kind} ${member.localName}`),
    oneofs: message.oneofs.map((oneof) => [oneof.localName, oneof.fields.map(({ name }) => name), oneof.proto.name]),
    nested: [...message.nestedMessages, ...message.nestedEnums].map(({ typeName }) => typeName),
    deprecated: message.deprecated,
  }
}

function plainEnum(entry: DescEnum) {
  return {
    typeName: entry.typeName,
    open: entry.open,
    sharedPrefix: entry.sharedPrefix,
    values: entry.values.map(({ name, localName, number, jsonName, deprecated }) => [
      ...[name, localName, number, jsonName, deprecated],
    ]),
    byNumber: Object.entries(entry.value).map(([number, value]) => [number, value.name]),
    deprecated: entry.deprecated,
  }
}

function plainTypes(file: DescFile) {
  return [...nestedTypes(file)].map((type) => {
    if (type.kind === 'message') return plainMessage(type)
    return type.kind === 'enum' ? plainEnum(type) : type.kind
  })
}

test("fileDesc() says of every generated message and enumeration what the library's own descriptors say", async () => {
  const paths = [...new Bun.Glob('**/*_pb.ts').scanSync(generated)]
  const files = await Promise.all(paths.map(fileOf))
  const set = create(FileDescriptorSetSchema, { file: [...withImports(files)].map(wholeProto) })
  const registry = createFileRegistry(set)
  expect(files.length).toBeGreaterThan(80)
  for (const file of files) {
    const judge = registry.getFile(file.proto.name)
    if (judge === undefined) throw new Error(`Expected ${file.name} in the registry`)
    expect(plainTypes(file)).toEqual(plainTypes(judge))
  }
})
