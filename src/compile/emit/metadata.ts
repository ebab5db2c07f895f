import type { JsonObject } from '@bufbuild/protobuf'
import type { Init } from './init.ts'
import type { Origin } from '../../resources/index.ts'
import type { MetadataSchema } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import { originMetadata } from '../../xds/index.ts'

/** Initial value of `envoy.config.core.v3.Metadata`. */
export type MetadataInit = Init<typeof MetadataSchema>

/** Filter metadata `weft.origin`: the line of the user's object that made the resource. */
export function originOf(origin: Origin | undefined, others: Readonly<Record<string, JsonObject>> = {}): MetadataInit {
  const own = origin === undefined ? {} : { [originMetadata]: originFields(origin) }
  return { filterMetadata: { ...others, ...own } }
}

function originFields({ kind, namespace, name, file, line }: Origin): JsonObject {
  return { kind, namespace, name, file, line }
}
