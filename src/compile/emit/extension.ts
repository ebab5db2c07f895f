import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { anyPack, type Any } from '@bufbuild/protobuf/wkt'

/** A message packed as `google.protobuf.Any`. */
export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init))
}

/** A named extension with its typed configuration: filters, transport sockets, access loggers. */
export function extension<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  init: MessageInitShape<Desc>,
): { readonly name: string; readonly configType: { readonly case: 'typedConfig'; readonly value: Any } } {
  return { name, configType: { case: 'typedConfig', value: pack(schema, init) } }
}
