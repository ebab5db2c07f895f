import type { HealthCheck } from '../../xds/generated/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import { compileHeaderMatch } from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'
import { compileHeader } from './compile-route-match.ts'
import { fieldPath } from './fault-list.ts'
import type { HealthFilterConfig } from './listener-config.ts'

/** Compiles `envoy.filters.http.health_check`: the proxy answers for itself; pass-through mode is refused. */
export function compileHealthFilter(context: CompileContext, path: string, message: HealthCheck): HealthFilterConfig {
  if (message.passThroughMode !== false) {
    const at = fieldPath(path, 'pass_through_mode')
    context.faults.add(at, 'Expected false: passing health checks through is not implemented by this proxy')
  }
  const conditions = message.headers.map((header, index) =>
    compileHeaderMatch(compileHeader(context, `${path}.headers[${index}]`, header)),
  )
  return { matches: (request) => conditions.every((condition) => condition(request)) }
}
