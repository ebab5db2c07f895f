import type { Telemetry } from '../../telemetry/index.ts'
import type { HostHealth } from '../health/index.ts'
import { ClusterGauge } from './cluster-stats.ts'

/** `membership_*` of a cluster, Envoy's names: how many endpoints there are, and how many of them are fit. */
export class Membership {
  readonly #total: ClusterGauge
  readonly #healthy: ClusterGauge
  readonly #degraded: ClusterGauge
  readonly #excluded: ClusterGauge

  constructor(telemetry: Telemetry, cluster: string) {
    const gauge = (name: string): ClusterGauge => new ClusterGauge(telemetry, cluster, `membership_${name}`)
    this.#total = gauge('total')
    this.#healthy = gauge('healthy')
    this.#degraded = gauge('degraded')
    this.#excluded = gauge('excluded')
  }

  /** These are the endpoints now, and this is how they are. */
  update(hosts: readonly { readonly health: HostHealth }[]): void {
    let healthy = 0
    let degraded = 0
    let excluded = 0
    for (const { health } of hosts) {
      if (health.available && health.degraded) degraded += 1
      else if (health.available) healthy += 1
      if (health.excluded) excluded += 1
    }
    set(this.#total, hosts.length)
    set(this.#healthy, healthy)
    set(this.#degraded, degraded)
    set(this.#excluded, excluded)
  }
}

function set(gauge: ClusterGauge, value: number): void {
  if (gauge.value !== value) gauge.add(value - gauge.value)
}
