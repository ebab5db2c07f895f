/** What the generated messages are hydrated with, in place of the function of the same name in `@bufbuild/protobuf/codegenv2`. */
import { createFileRegistry, type DescFile, fromBinary } from '@bufbuild/protobuf'
import { type DescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { protoCamelCase } from '@bufbuild/protobuf/reflect'
import { base64Decode } from '@bufbuild/protobuf/wire'

/**
 * Makes the descriptor of a file from its serialized form and the descriptors of the files that it imports.
 *
 * A field's type stands in the file itself or in a direct import. The library's own function also walks the imports of
 * imports, along every path, for each file again: a fifth of the time that a proxy needs to load Envoy's messages.
 * Therefore `dependencies` of the result goes one level deep.
 */
export function fileDesc(base64: string, imports: readonly DescFile[] = []): DescFile {
  const proto = fromBinary(FileDescriptorProtoSchema, base64Decode(base64))
  proto.messageType.forEach(restoreJsonNames)
  proto.dependency = imports.map((file) => file.proto.name)
  const direct = new Map(imports.map((file) => [file.proto.name, { ...file, dependencies: [] }]))
  const file = createFileRegistry(proto, (name) => direct.get(name)).getFile(proto.name)
  if (file === undefined) throw new TypeError(`Expected a descriptor of ${proto.name}`)
  return file
}

/** The generator leaves out `json_name` where it follows from the name. */
function restoreJsonNames(message: DescriptorProto): void {
  for (const field of message.field) if (field.jsonName === '') field.jsonName = protoCamelCase(field.name)
  message.nestedType.forEach(restoreJsonNames)
}
