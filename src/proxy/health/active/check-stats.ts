import type { Telemetry } from '../../../telemetry/index.ts'

/** Counters and gauges of a cluster's checks, by Envoy's names without prefix. */
export interface CheckStats {
  readonly count: (
    name: 'attempt' | 'success' | 'failure' | 'passive_failure' | 'network_failure' | 'verify_cluster',
  ) => void
  /** So many more (or fewer) of the checked hosts are healthy, or degraded. */
  readonly add: (name: 'healthy' | 'degraded', difference: number) => void
}

/** Makes those that live in telemetry as `envoy_cluster_health_check_<name>{envoy_cluster_name}`. */
export function createCheckStats(telemetry: Telemetry, cluster: string): CheckStats {
  const labels = { envoy_cluster_name: cluster }
  const prefix = 'envoy_cluster_health_check'
  return {
    count: (name) => {
      telemetry.counter(`${prefix}_${name}`, labels).value += 1
    },
    add: (name, difference) => {
      telemetry.gauge(`${prefix}_${name}`, labels).value += difference
    },
  }
}
