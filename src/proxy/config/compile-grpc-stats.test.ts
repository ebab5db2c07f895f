import { expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'

import { FilterConfigSchema } from '../../xds/generated/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import { createCompileContext } from './compile-context.ts'
import { compileGrpcStats } from './compile-grpc-stats.ts'

function compile(fields: JsonObject): {
  readonly methods: ReturnType<typeof compileGrpcStats>['methods']
  readonly faults: readonly string[]
} {
  const context = createCompileContext()
  const { methods } = compileGrpcStats(context, 'f', fromJson(FilterConfigSchema, fields))
  const result = context.faults.finish(undefined)
  return { methods, faults: result.ok ? [] : result.error.map(({ path }) => path) }
}

test.each<[JsonObject, 'all' | ReadonlySet<string>, readonly string[]]>([
  [{}, new Set(), []],
  [{ stats_for_all_methods: false }, new Set(), []],
  [{ stats_for_all_methods: true, emit_filter_state: true }, 'all', []],
  [
    { individual_method_stats_allowlist: { services: [{ name: 'a.B', method_names: ['C', 'D'] }] } },
    new Set(['/a.B/C', '/a.B/D']),
    [],
  ],
  [
    { individual_method_stats_allowlist: { services: [{}] } },
    new Set(),
    [
      'f.individual_method_stats_allowlist.services[0].name',
      'f.individual_method_stats_allowlist.services[0].method_names',
    ],
  ],
])('compileGrpcStats() of %j', (fields, methods, faults) => {
  expect(compile(fields)).toEqual({ methods, faults })
})
