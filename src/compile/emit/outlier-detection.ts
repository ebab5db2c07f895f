import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { OutlierDetection } from '../../model/index.ts'
import type { OutlierDetectionSchema } from '../../xds/generated/envoy/config/cluster/v3/outlier_detection_pb.ts'
import type { Init } from './init.ts'

/** Envoy's own bound of an ejection when none is set; a longer base needs a longer bound. */
const defaultMaxEjectionMs = 300_000

/** Writes `outlier_detection`. A detector that is named ejects always, one of 0 never; success rates are not compared, as in Istio. */
export function outlierDetection(detection: OutlierDetection): Init<typeof OutlierDetectionSchema> {
  const { consecutive5xx, consecutiveGatewayFailure, consecutiveLocalOriginFailure } = detection
  const { baseEjectionMs, intervalMs, maxEjectionPercent, splitLocalOrigin } = detection
  return {
    enforcingSuccessRate: 0,
    ...(consecutive5xx === undefined ? {} : { consecutive5xx, enforcingConsecutive5xx: always(consecutive5xx) }),
    ...(consecutiveGatewayFailure === undefined
      ? {}
      : { consecutiveGatewayFailure, enforcingConsecutiveGatewayFailure: always(consecutiveGatewayFailure) }),
    ...(splitLocalOrigin ? { splitExternalLocalOriginErrors: true, enforcingLocalOriginSuccessRate: 0 } : {}),
    ...(consecutiveLocalOriginFailure === undefined
      ? {}
      : { consecutiveLocalOriginFailure, enforcingConsecutiveLocalOriginFailure: 100 }),
    ...(intervalMs === undefined ? {} : { interval: durationFromMs(intervalMs) }),
    ...(baseEjectionMs === undefined ? {} : { baseEjectionTime: durationFromMs(baseEjectionMs) }),
    ...(baseEjectionMs === undefined || baseEjectionMs <= defaultMaxEjectionMs
      ? {}
      : { maxEjectionTime: durationFromMs(baseEjectionMs) }),
    ...(maxEjectionPercent === undefined ? {} : { maxEjectionPercent }),
  }
}

function always(threshold: number): number {
  return threshold > 0 ? 100 : 0
}
