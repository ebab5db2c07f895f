import type { OutlierDetection } from '../../xds/generated/envoy/config/cluster/v3/outlier_detection_pb.ts'
import type { CompileContext } from './compile-context.ts'
import { boundedInteger, durationMs } from './field-values.ts'
import type { OutlierConfig } from './outlier-config.ts'

const maxUint32 = 4_294_967_295
const defaultMaxEjectionMs = 300_000

/** Compiles `outlier_detection` of a cluster; undefined when there is none. */
export function compileOutlierDetection(
  context: CompileContext,
  message: OutlierDetection | undefined,
): OutlierConfig | undefined {
  if (message === undefined) return undefined
  const number = (field: string, value: number | undefined, absent: number): number =>
    boundedInteger(context, `outlier_detection.${field}`, { value, absent, min: 0, max: maxUint32 })
  const percent = (field: string, value: number | undefined, absent: number): number =>
    boundedInteger(context, `outlier_detection.${field}`, { value, absent, min: 0, max: 100 })
  return {
    ...times(context, message),
    maxEjectionPercent: percent('max_ejection_percent', message.maxEjectionPercent, 10),
    alwaysEjectOneHost: message.alwaysEjectOneHost ?? false,
    splitLocalOrigin: message.splitExternalLocalOriginErrors,
    ...(message.successfulActiveHealthCheckUnejectHost === false ? { outlastsChecks: true } : {}),
    consecutive5xx: message.consecutive5xx ?? 5,
    consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? 5,
    consecutiveLocalOriginFailure: message.consecutiveLocalOriginFailure ?? 5,
    successRate: {
      minimumHosts: number('success_rate_minimum_hosts', message.successRateMinimumHosts, 5),
      requestVolume: number('success_rate_request_volume', message.successRateRequestVolume, 100),
      stdevFactor: number('success_rate_stdev_factor', message.successRateStdevFactor, 1900),
    },
    failurePercentage: {
      threshold: percent('failure_percentage_threshold', message.failurePercentageThreshold, 85),
      minimumHosts: number('failure_percentage_minimum_hosts', message.failurePercentageMinimumHosts, 5),
      requestVolume: number('failure_percentage_request_volume', message.failurePercentageRequestVolume, 50),
    },
    enforcing: {
      consecutive_5xx: percent('enforcing_consecutive_5xx', message.enforcingConsecutive5xx, 100),
      consecutive_gateway_failure: percent(
        'enforcing_consecutive_gateway_failure',
        message.enforcingConsecutiveGatewayFailure,
        0,
      ),
      consecutive_local_origin_failure: percent(
        'enforcing_consecutive_local_origin_failure',
        message.enforcingConsecutiveLocalOriginFailure,
        100,
      ),
      success_rate: percent('enforcing_success_rate', message.enforcingSuccessRate, 100),
      local_origin_success_rate: percent(
        'enforcing_local_origin_success_rate',
        message.enforcingLocalOriginSuccessRate,
        100,
      ),
      failure_percentage: percent('enforcing_failure_percentage', message.enforcingFailurePercentage, 0),
      local_origin_failure_percentage: percent(
        'enforcing_failure_percentage_local_origin',
        message.enforcingFailurePercentageLocalOrigin,
        0,
      ),
    },
  }
}

type Times = Pick<OutlierConfig, 'intervalMs' | 'baseEjectionMs' | 'maxEjectionMs' | 'maxEjectionJitterMs'>

function times(context: CompileContext, message: OutlierDetection): Times {
  const positive = (field: string, value: OutlierDetection['interval'], absent: number): number => {
    const ms = durationMs(context, `outlier_detection.${field}`, { value, absent })
    if (ms === 0) context.faults.add(`outlier_detection.${field}`, 'Expected a duration above 0s')
    return ms
  }
  const baseEjectionMs = positive('base_ejection_time', message.baseEjectionTime, 30_000)
  const longest = Math.max(defaultMaxEjectionMs, baseEjectionMs)
  const maxEjectionMs = positive('max_ejection_time', message.maxEjectionTime, longest)
  if (maxEjectionMs < baseEjectionMs)
    context.faults.add('outlier_detection.max_ejection_time', 'Expected no less than base_ejection_time')
  return {
    intervalMs: positive('interval', message.interval, 10_000),
    baseEjectionMs,
    maxEjectionMs,
    maxEjectionJitterMs: durationMs(context, 'outlier_detection.max_ejection_time_jitter', {
      value: message.maxEjectionTimeJitter,
      absent: 0,
    }),
  }
}
