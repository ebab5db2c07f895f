import type { Telemetry } from '../../../telemetry/index.ts'
import type { OutlierStats } from './outlier-detector.ts'

/** Counters of a cluster's outlier detection in telemetry, as `envoy_cluster_outlier_detection_ejections_<name>{envoy_cluster_name}`. */
export function createOutlierStats(telemetry: Telemetry, cluster: string): OutlierStats {
  const labels = { envoy_cluster_name: cluster }
  const prefix = 'envoy_cluster_outlier_detection_ejections'
  // Telemetry interns them; ejections are rare enough to look them up each time.
  const count = (name: string): void => {
    telemetry.counter(`${prefix}_${name}`, labels).value += 1
  }
  const active = telemetry.gauge(`${prefix}_active`, labels)
  return {
    detected: (kind) => count(`detected_${kind}`),
    enforced: (kind) => {
      count('enforced_total')
      count(`enforced_${kind}`)
    },
    overflow: () => count('overflow'),
    active: (difference) => {
      active.value += difference
    },
  }
}
