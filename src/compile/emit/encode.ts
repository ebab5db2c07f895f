import { createHash } from 'node:crypto'
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf'
import type { Origin } from '../../resources/index.ts'
import type { XdsResource, XdsType } from '../../xds/index.ts'

/** What a resource is called and where it came from. */
export interface ResourceLabel {
  readonly typeUrl: XdsType
  readonly name: string
  readonly origins: readonly Origin[]
}

/** Serializes a message; the version is the SHA-256 of the bytes, shortened to 128 bits. */
export function encodeResource<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  label: ResourceLabel,
): XdsResource {
  const bytes = toBinary(schema, message)
  const version = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  return { typeUrl: label.typeUrl, name: label.name, version, bytes, origins: uniqueOrigins(label.origins) }
}

function uniqueOrigins(origins: readonly Origin[]): readonly Origin[] {
  const seen = new Map<string, Origin>()
  for (const origin of origins) {
    seen.set([origin.kind, origin.namespace, origin.name, origin.file, origin.line].join('\0'), origin)
  }
  return [...seen.values()]
}
