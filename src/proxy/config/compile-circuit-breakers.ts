import type { CircuitBreakers } from '../../xds/generated/envoy/config/cluster/v3/circuit_breaker_pb.ts'
import type { CircuitBreakerLimits } from './cluster-config.ts'
import type { CompileContext } from './compile-context.ts'
import { percentOf } from './field-values.ts'

/** Compiles `circuit_breakers`: one entry of thresholds, for priority DEFAULT, and one for each host. */
export function compileCircuitBreakers(
  context: CompileContext,
  message: CircuitBreakers | undefined,
): CircuitBreakerLimits {
  const [entry, another] = message?.thresholds ?? []
  if (another !== undefined)
    context.faults.add('circuit_breakers.thresholds[1]', 'Expected one entry, for priority DEFAULT')
  const budget = entry?.retryBudget
  const at = 'circuit_breakers.thresholds[0].retry_budget'
  return {
    maxConnections: entry?.maxConnections ?? 1024,
    maxPendingRequests: entry?.maxPendingRequests ?? 1024,
    maxRequests: entry?.maxRequests ?? 1024,
    maxRetries: entry?.maxRetries ?? 3,
    ...(entry?.maxConnectionPools === undefined ? {} : { maxConnectionPools: entry.maxConnectionPools }),
    ...(budget === undefined
      ? {}
      : {
          retryBudget: {
            percent: percentOf(context, `${at}.budget_percent`, { value: budget.budgetPercent, absent: 20 }),
            minConcurrency: budget.minRetryConcurrency ?? 3,
          },
        }),
    ...perHost(context, message),
  }
}

function perHost(
  context: CompileContext,
  message: CircuitBreakers | undefined,
): Pick<CircuitBreakerLimits, 'maxConnectionsPerHost'> {
  const at = 'circuit_breakers.per_host_thresholds'
  const [entry, another] = message?.perHostThresholds ?? []
  if (another !== undefined) context.faults.add(`${at}[1]`, 'Expected one entry, for priority DEFAULT')
  if (entry === undefined) return {}
  const others = ['maxPendingRequests', 'maxRequests', 'maxRetries', 'retryBudget'] as const
  for (const name of others) {
    if (entry[name] !== undefined)
      context.faults.add(`${at}[0].${snakeCase(name)}`, 'Expected max_connections only, as in Envoy')
  }
  return entry.maxConnections === undefined ? {} : { maxConnectionsPerHost: entry.maxConnections }
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
