import { ResponseFlag } from '../../telemetry/index.ts'
import type { HealthFilterConfig } from '../config/index.ts'
import type { Exchange } from './exchange.ts'

/**
 * Answers a request that asks after the proxy's own health (`envoy.filters.http.health_check`): 200, or 503 once the proxy drains or was told to fail (`/healthcheck/fail`). False: it
 * does not ask for that.
 */
export function answerHealthCheck(exchange: Exchange, filter: HealthFilterConfig): boolean {
  const { context, request } = exchange
  if (!filter.matches(request)) return false
  const cluster = `x-envoy-upstream-healthchecked-cluster: ${context.options.node.serviceCluster ?? ''}\r\n`
  if (context.draining || context.overload.failedHealthCheck) {
    const lines = `${cluster}x-envoy-immediate-health-check-fail: true\r\n`
    exchange.reply(503, '', ResponseFlag.LH, 'health_check_failed', lines)
  } else exchange.reply(200, '', 0, 'health_check_ok', cluster)
  return true
}
