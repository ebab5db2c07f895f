import type { FilterConfig } from '../../xds/generated/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { requiredText } from './field-values.ts'
import type { GrpcStatsConfig } from './listener-config.ts'

/** Compiles `envoy.filters.http.grpc_stats`. */
export function compileGrpcStats(context: CompileContext, path: string, message: FilterConfig): GrpcStatsConfig {
  const choice = message.perMethodStatSpecifier
  if (choice.case === 'statsForAllMethods') return { methods: choice.value.value ? 'all' : new Set() }
  if (choice.case !== 'individualMethodStatsAllowlist') return { methods: new Set() }
  const at = fieldPath(path, 'individual_method_stats_allowlist')
  const methods = choice.value.services.flatMap(({ name, methodNames }, index) => {
    requiredText(context, `${at}.services[${index}].name`, name)
    if (methodNames.length === 0)
      context.faults.add(`${at}.services[${index}].method_names`, 'Expected at least one method')
    return methodNames.map((method) => `/${name}/${method}`)
  })
  return { methods: new Set(methods) }
}
