import type { Any } from '@bufbuild/protobuf/wkt'

import { HTTPFaultSchema, type HTTPFault } from '../../xds/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import type { CompiledFault } from '../route/index.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { boundedInteger, durationMs, partsPerMillion } from './field-values.ts'

/** Name of the fault filter in `http_filters` and in `typed_per_filter_config`. */
export const faultFilterName = 'envoy.filters.http.fault'

/**
 * Fault settings of one level of `typed_per_filter_config`: a fault with all shares 0 switches it off. Undefined when it is
 * no `HTTPFault`.
 */
export function compileRouteFault(context: CompileContext, path: string, any: Any): CompiledFault | undefined {
  const message = unpackAny(any, HTTPFaultSchema)
  if (message !== undefined) return compileFault(context, path, message)
  context.faults.add(path, 'Expected an HTTPFault')
  return undefined
}

function compileFault(context: CompileContext, path: string, message: HTTPFault): CompiledFault {
  const { delay, abort } = message
  const delayMs =
    delay?.faultDelaySecifier.case === 'fixedDelay'
      ? durationMs(context, `${path}.delay.fixed_delay`, { value: delay.faultDelaySecifier.value, absent: 0 })
      : 0
  if (delay !== undefined && delayMs === 0)
    context.faults.add(`${path}.delay.fixed_delay`, 'Expected a duration above 0s')
  const type = abort?.errorType
  if (abort !== undefined && type?.case !== 'httpStatus' && type?.case !== 'grpcStatus') {
    context.faults.add(`${path}.abort`, 'Expected http_status or grpc_status')
  }
  const status = type?.case === 'httpStatus' ? type.value : undefined
  const at = `${path}.abort.http_status`
  return Object.freeze({
    delayPartsPerMillion: partsPerMillion(context, `${path}.delay.percentage`, delay?.percentage),
    delayMs,
    abortPartsPerMillion: partsPerMillion(context, `${path}.abort.percentage`, abort?.percentage),
    abortStatus: boundedInteger(context, at, { value: status, absent: 503, min: 200, max: 599 }),
    grpcStatus: type?.case === 'grpcStatus' ? type.value : undefined,
  })
}
