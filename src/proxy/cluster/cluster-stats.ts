import type { Telemetry } from '../../telemetry/index.ts'
import type { ClusterStats } from './contract.ts'

const statNames = [
  'upstream_cx_total',
  'upstream_cx_connect_fail',
  'upstream_cx_connect_timeout',
  'upstream_cx_overflow',
  'upstream_cx_pool_overflow',
  'upstream_rq_total',
  'upstream_rq_pending_total',
  'upstream_rq_pending_overflow',
  'upstream_rq_pending_failure_eject',
  'upstream_rq_retry',
  'upstream_rq_retry_success',
  'upstream_rq_retry_overflow',
  'upstream_rq_timeout',
  'upstream_rq_per_try_timeout',
  'lb_healthy_panic',
] as const satisfies readonly (keyof ClusterStats)[]

/** Counters of a cluster that nothing was counted for. */
export function emptyClusterStats(): ClusterStats {
  return {
    upstream_cx_total: 0,
    upstream_cx_connect_fail: 0,
    upstream_cx_connect_timeout: 0,
    upstream_cx_overflow: 0,
    upstream_cx_pool_overflow: 0,
    upstream_rq_total: 0,
    upstream_rq_pending_total: 0,
    upstream_rq_pending_overflow: 0,
    upstream_rq_pending_failure_eject: 0,
    upstream_rq_retry: 0,
    upstream_rq_retry_success: 0,
    upstream_rq_retry_overflow: 0,
    upstream_rq_timeout: 0,
    upstream_rq_per_try_timeout: 0,
    lb_healthy_panic: 0,
  }
}

/** Counters of a cluster that live in telemetry as `envoy_cluster_<name>{envoy_cluster_name}`: counting here is exporting. */
export function createClusterStats(telemetry: Telemetry, cluster: string): ClusterStats {
  const stats = emptyClusterStats()
  for (const name of statNames) {
    // Made at the first count: most clusters of a big mesh never count most of these.
    let counter: { value: number } | undefined
    Object.defineProperty(stats, name, {
      enumerable: true,
      get: () => counter?.value ?? 0,
      set: (value: number) => {
        counter ??= telemetry.counter(`envoy_cluster_${name}`, { envoy_cluster_name: cluster })
        counter.value = value
      },
    })
  }
  return stats
}

/** A number of one cluster that is exported as a gauge, from its first change on. */
export class ClusterGauge {
  value = 0
  #exported: { value: number } | undefined = undefined
  readonly #make: () => { value: number }

  /** @param name Envoy's, without prefix. Clusters of one name (the old one still drains) share what is exported and nothing else. */
  constructor(telemetry: Telemetry, cluster: string, name: string) {
    this.#make = () => telemetry.gauge(`envoy_cluster_${name}`, { envoy_cluster_name: cluster })
  }

  /** Changes the value. */
  add(difference: number): void {
    this.value += difference
    this.#exported ??= this.#make()
    this.#exported.value += difference
  }
}
