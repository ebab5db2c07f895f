/**
 * What the generated messages are hydrated with, in place of the function of the same name in `@bufbuild/protobuf/codegenv2`.
 *
 * Envoy's API has thousands of fields and a proxy meets a tenth of them. The library's function makes every descriptor,
 * with the message it was decoded from and two closures for each field, when the file is imported. Here the import only
 * finds where each message stands in the bytes; its fields are read when somebody asks for them (docs/performance.md
 * has the figures).
 */
import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  fromBinary,
} from '@bufbuild/protobuf'
import { Edition, type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { base64Decode, BinaryReader } from '@bufbuild/protobuf/wire'
import type { DescriptorFile } from './descriptor-owner.ts'
import { EnumDescriptor } from './enum-descriptor.ts'
import { MessageDescriptor } from './message-descriptor.ts'

/**
 * Makes the descriptor of a file from its serialized form and the descriptors of the files that it imports, in which the
 * types of its fields are found (a field's type stands in the file itself or in a direct import).
 *
 * @throws {TypeError} If the file is not of syntax proto3, or defines extensions or services.
 */
export function fileDesc(base64: string, imports: readonly DescFile[] = []): DescFile {
  return new FileDescriptor(base64Decode(base64), imports)
}

/** A file; types are looked up by their full name, in it and in what it imports. */
class FileDescriptor implements DescriptorFile {
  readonly kind = 'file'
  readonly edition = Edition.EDITION_PROTO3
  readonly name: string
  readonly package: string
  readonly dependencies: DescFile[]
  readonly enums: DescEnum[] = []
  readonly messages: DescMessage[] = []
  readonly extensions: DescExtension[] = []
  readonly services: DescService[] = []
  readonly #bytes: Uint8Array
  #types: Map<string, DescMessage | DescEnum> | undefined
  #proto: FileDescriptorProto | undefined

  constructor(bytes: Uint8Array, imports: readonly DescFile[]) {
    this.#bytes = bytes
    this.dependencies = [...imports]
    const messages: Uint8Array[] = []
    const enums: Uint8Array[] = []
    let name = ''
    let packageName = ''
    let syntax = ''
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const [no, wireType] = reader.tag()
      if (no === FileField.name) name = reader.string()
      else if (no === FileField.package) packageName = reader.string()
      else if (no === FileField.messageType) messages.push(reader.bytes())
      else if (no === FileField.enumType) enums.push(reader.bytes())
      else if (no === FileField.syntax) syntax = reader.string()
      else if (no === FileField.service || no === FileField.extension)
        throw new TypeError(`Expected messages only in ${name}, got a service or an extension`)
      else reader.skip(wireType, no)
    }
    if (syntax !== 'proto3') throw new TypeError(`Expected syntax proto3 in ${name}, got ${syntax}`)
    this.name = name.replace(/\.proto$/, '')
    this.package = packageName
    for (const part of messages) this.messages.push(new MessageDescriptor(part, { file: this, parent: undefined }))
    for (const part of enums) this.enums.push(new EnumDescriptor(part, { file: this, parent: undefined }))
  }

  get deprecated(): boolean {
    return this.proto.options?.deprecated ?? false
  }

  /** Decoded when asked for; nothing on a proxy's path asks. */
  get proto(): FileDescriptorProto {
    this.#proto ??= fromBinary(FileDescriptorProtoSchema, this.#bytes)
    return this.#proto
  }

  /** The message or enumeration with a full name (`.envoy.config.core.v3.Address`). */
  type(fullName: string): DescMessage | DescEnum {
    const name = fullName.replace(/^\./, '')
    let found = this.#ownTypes().get(name)
    for (const file of this.dependencies) {
      if (found !== undefined) break
      found = (file instanceof FileDescriptor ? file.#ownTypes() : typesOf(file)).get(name)
    }
    if (found === undefined) throw new TypeError(`Expected ${name} in ${this.name} or in a file that it imports`)
    return found
  }

  toString(): string {
    return `file ${this.name}.proto`
  }

  #ownTypes(): Map<string, DescMessage | DescEnum> {
    this.#types ??= typesOf(this)
    return this.#types
  }
}

/** Field numbers of `FileDescriptorProto`. */
const FileField = { name: 1, package: 2, messageType: 4, enumType: 5, service: 6, extension: 7, syntax: 12 } as const

function typesOf(file: DescFile): Map<string, DescMessage | DescEnum> {
  const types = new Map<string, DescMessage | DescEnum>()
  const add = (message: DescMessage): void => {
    types.set(message.typeName, message)
    for (const nested of message.nestedEnums) types.set(nested.typeName, nested)
    message.nestedMessages.forEach(add)
  }
  file.messages.forEach(add)
  for (const entry of file.enums) types.set(entry.typeName, entry)
  return types
}
