import type { DescFile, DescMessage } from '@bufbuild/protobuf'

/** A file of which descriptors are read piece by piece. */
export interface DescriptorFile extends DescFile {
  readonly package: string
  /** The message or enumeration with a full name, of this file or of one that it imports. */
  readonly type: (fullName: string) => DescFile['messages'][number] | DescFile['enums'][number]
}

/** Where a message or an enumeration stands: in a file, or in a message of it. */
export interface DescriptorOwner {
  readonly file: DescriptorFile
  readonly parent: DescMessage | undefined
}

/** `envoy.config.cluster.v3.Cluster.LbPolicy` of `LbPolicy`. */
export function fullNameIn({ file, parent }: DescriptorOwner, name: string): string {
  const scope = parent?.typeName ?? file.package
  return scope === '' ? name : `${scope}.${name}`
}
