import { fromJson, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf'
import type * as Yaml from 'yaml'

import { BootstrapSchema } from '../../xds/generated/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { anyTypes } from './any-types.ts'

/** A bootstrap that was accepted before, as protobuf JSON with proto field names; secrets are still in it. */
export function describeBootstrap(text: string): JsonObject {
  const message = fromJson(BootstrapSchema, plainValue(text), { registry: anyTypes })
  const value = toJson(BootstrapSchema, message, { registry: anyTypes, useProtoFieldName: true })
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function plainValue(text: string): JsonValue {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON, so YAML. Loaded here: a proxy with a JSON bootstrap needs no YAML library.
    const { parse }: typeof Yaml = require('yaml')
    return parse(text, { stringKeys: true })
  }
}
