import type { Filter } from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import { ConnectionLimitSchema } from '../../xds/generated/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { durationMs, requiredText } from './field-values.ts'
import type { ConnectionLimitConfig } from './listener-config.ts'

/** Compiles the first filter of a chain when it is `envoy.filters.network.connection_limit`; undefined when it is another. */
export function compileConnectionLimit(
  context: CompileContext,
  path: string,
  filter: Filter | undefined,
): ConnectionLimitConfig | undefined {
  const any = filter?.configType.case === 'typedConfig' ? filter.configType.value : undefined
  const message = unpackAny(any, ConnectionLimitSchema)
  if (message === undefined) return undefined
  const at = `${path}[0].typed_config`
  const { maxConnections } = message
  if (maxConnections === undefined || maxConnections < 1n)
    context.faults.add(`${at}.max_connections`, `Expected at least 1, got ${maxConnections ?? 'nothing'}`)
  return {
    statPrefix: requiredText(context, `${at}.stat_prefix`, message.statPrefix),
    maxConnections: Number(maxConnections ?? 1n),
    delayMs: durationMs(context, `${at}.delay`, { value: message.delay, absent: 0 }),
  }
}
