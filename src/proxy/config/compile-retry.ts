import type {
  RetryPolicy,
  RetryPolicy_RetryHostPredicate,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { PreviousHostsPredicateSchema } from '../../xds/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { parseRetryOn, type CompiledRetry } from '../route/index.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger, durationMs } from './field-values.ts'

/** More retries than this only make an outage worse. */
const maxRetries = 1000

/** Compiles a retry policy; undefined when it can change nothing (no condition or no attempt, and no per-try time limit). */
export function compileRetry(
  context: CompileContext,
  path: string,
  policy: RetryPolicy | undefined,
): CompiledRetry | undefined {
  if (policy === undefined) return undefined
  const { on, unknown } = parseRetryOn(policy.retryOn)
  if (unknown.length > 0) {
    context.faults.add(fieldPath(path, 'retry_on'), `Condition ${unknown.join(', ')} is not implemented by this proxy`)
  }
  const attempts = boundedInteger(context, fieldPath(path, 'num_retries'), {
    value: policy.numRetries,
    absent: 1,
    min: 0,
    max: maxRetries,
  })
  const perTryTimeoutMs = durationMs(context, `${path}.per_try_timeout`, { value: policy.perTryTimeout, absent: 0 })
  const retry: CompiledRetry = Object.freeze({
    attempts: on === 0 ? 0 : attempts,
    on,
    retriableStatusCodes: statusCodes(context, `${path}.retriable_status_codes`, policy.retriableStatusCodes),
    perTryTimeoutMs,
    ...backoff(context, fieldPath(path, 'retry_back_off'), policy.retryBackOff),
    avoidPreviousHosts: avoidsPreviousHosts(
      context,
      fieldPath(path, 'retry_host_predicate'),
      policy.retryHostPredicate,
    ),
    // Envoy tries once when the field is absent.
    hostSelectionAttempts: Math.max(1, Number(policy.hostSelectionRetryMaxAttempts)),
  })
  return retry.attempts === 0 && perTryTimeoutMs === 0 ? undefined : retry
}

function statusCodes(context: CompileContext, path: string, codes: readonly number[]): readonly number[] {
  codes.forEach((code, index) => {
    if (code < 100 || code > 599)
      context.faults.add(`${path}[${index}]`, `Expected a status from 100 to 599, got ${code}`)
  })
  return Object.freeze([...codes])
}

/** 25 ms and ten times that, by default. */
function backoff(
  context: CompileContext,
  path: string,
  settings: RetryPolicy['retryBackOff'],
): Pick<CompiledRetry, 'backoffBaseMs' | 'backoffMaxMs'> {
  const base = durationMs(context, `${path}.base_interval`, { value: settings?.baseInterval, absent: 25 })
  if (base === 0) context.faults.add(`${path}.base_interval`, 'Expected a duration above 0s')
  if (settings !== undefined && settings.baseInterval === undefined) {
    context.faults.add(`${path}.base_interval`, 'Expected a duration, got nothing')
  }
  const max = durationMs(context, `${path}.max_interval`, { value: settings?.maxInterval, absent: base * 10 })
  if (max < base) context.faults.add(`${path}.max_interval`, 'Expected at least base_interval')
  return { backoffBaseMs: base, backoffMaxMs: max }
}

function avoidsPreviousHosts(
  context: CompileContext,
  path: string,
  predicates: readonly RetryPolicy_RetryHostPredicate[],
): boolean {
  predicates.forEach((predicate, index) => {
    const any = predicate.configType.case === 'typedConfig' ? predicate.configType.value : undefined
    // Control planes also name this one predicate without a configuration, as Envoy allows.
    if (any === undefined && predicate.name === 'envoy.retry_host_predicates.previous_hosts') return
    if (unpackAny(any, PreviousHostsPredicateSchema) !== undefined) return
    context.faults.add(`${path}[${index}]`, `Expected a PreviousHostsPredicate, got ${JSON.stringify(predicate.name)}`)
  })
  return predicates.length > 0
}
