import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'

import { RouteConfigurationSchema } from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import type { RouteTable } from '../route/index.ts'
import { anyTypes } from './any-types.ts'
import { compileRouteConfiguration } from './compile-routes.ts'
import type { FieldFault } from './field-fault.ts'

/** A route table from the YAML of a RouteConfiguration (its name may be left out), for tests. */
export function routeTableFromYaml(yaml: string): RouteTable {
  const result = compileYaml(yaml)
  if (!result.ok) throw new Error(JSON.stringify(result.error, undefined, 2))
  return result.value
}

/** The faults of the YAML of a RouteConfiguration; empty when there are none. */
export function routeFaultsFromYaml(yaml: string): readonly FieldFault[] {
  const result = compileYaml(yaml)
  return result.ok ? [] : result.error
}

function compileYaml(yaml: string): ReturnType<typeof compileRouteConfiguration> {
  const json: JsonValue = { name: 'test', ...parse(yaml) }
  return compileRouteConfiguration(fromJson(RouteConfigurationSchema, json, { registry: anyTypes }))
}
