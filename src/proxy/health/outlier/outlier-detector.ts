import type { EjectionKind, OutlierConfig } from '../../config/index.ts'
import { type ConsecutiveFailureSink, type ConsecutiveKind, HostMonitor } from './host-monitor.ts'
import { successRateThreshold } from './success-rate-threshold.ts'

/** Where ejections are counted, by Envoy's names. */
export interface OutlierStats {
  readonly detected: (kind: EjectionKind) => void
  readonly enforced: (kind: EjectionKind) => void
  /** `max_ejection_percent` forbade an ejection. */
  readonly overflow: () => void
  /** Endpoints that are ejected now changed by so many. */
  readonly active: (difference: number) => void
}

/** What a detector is handed in. */
export interface OutlierDetectorParts {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly stats: OutlierStats
  /** An endpoint was ejected or let back. */
  readonly onChange: () => void
}

/** A host with enough requests in the interval; the rate is in percent. */
interface RatedHost {
  readonly monitor: HostMonitor
  readonly total: number
  readonly rate: number
}

/**
 * Outlier detection of one cluster, with Envoy's meaning. Failures in a row eject at once; rates are compared, and ejections ended, each time
 * `onInterval` is called. An ejection lasts `base_ejection_time` times the number of ejections that were close together, at most
 * `max_ejection_time`.
 *
 *     available --outlier, and max_ejection_percent allows it--> ejected --interval after its time--> available
 */
export class OutlierDetector implements ConsecutiveFailureSink {
  config: OutlierConfig
  readonly #parts: OutlierDetectorParts
  readonly #monitors = new Set<HostMonitor>()
  #ejected = 0

  constructor(config: OutlierConfig, parts: OutlierDetectorParts) {
    this.config = config
    this.#parts = parts
  }

  /** An endpoint joins. */
  add(): HostMonitor {
    const monitor = new HostMonitor(this)
    this.#monitors.add(monitor)
    return monitor
  }

  /** An endpoint leaves; its monitor counts into nothing from now on. */
  remove(monitor: HostMonitor): void {
    if (!this.#monitors.delete(monitor) || !monitor.ejected) return
    monitor.ejected = false
    this.#countEjected(-1)
  }

  onConsecutive(monitor: HostMonitor, kind: ConsecutiveKind): void {
    if (monitor.ejected || !this.#monitors.has(monitor)) return
    this.#detect(monitor, kind)
    monitor.forget(kind)
  }

  /** To be called every `intervalMs`. */
  onInterval(): void {
    const now = this.#parts.now()
    for (const monitor of this.#monitors) this.#unejectWhenDue(monitor, now)
    this.#compareRates('external', 'success_rate', 'failure_percentage')
    this.#compareRates('local', 'local_origin_success_rate', 'local_origin_failure_percentage')
    for (const monitor of this.#monitors) {
      monitor.resetVolumes()
      const { ejected, unejectedAt, backoff } = monitor
      if (ejected || unejectedAt === undefined || now - unejectedAt < this.config.intervalMs) continue
      monitor.backoff = Math.max(0, backoff - 1)
    }
  }

  /** Ends an ejection before its time: somebody else knows that the endpoint is well. */
  unejectNow(monitor: HostMonitor): void {
    if (monitor.ejected) this.#uneject(monitor, this.#parts.now())
  }

  #unejectWhenDue(monitor: HostMonitor, now: number): void {
    if (!monitor.ejected) return
    const { baseEjectionMs, maxEjectionMs } = this.config
    const lasts = Math.min(baseEjectionMs * monitor.backoff, maxEjectionMs) + monitor.jitterMs
    if (now - monitor.ejectedAt >= lasts) this.#uneject(monitor, now)
  }

  #uneject(monitor: HostMonitor, now: number): void {
    monitor.ejected = false
    monitor.unejectedAt = now
    // What was nearly reached by another counter must not eject it again at its first failure.
    monitor.forget('consecutive_5xx')
    monitor.forget('consecutive_gateway_failure')
    monitor.forget('consecutive_local_origin_failure')
    this.#countEjected(-1)
    this.#parts.onChange()
  }

  #compareRates(side: 'external' | 'local', rateKind: EjectionKind, percentageKind: EjectionKind): void {
    const { successRate, failurePercentage } = this.config
    if (this.#monitors.size < Math.min(successRate.minimumHosts, failurePercentage.minimumHosts)) return
    const hosts: RatedHost[] = []
    for (const monitor of this.#monitors) {
      const { total, succeeded } = monitor[side]
      if (!monitor.ejected && total > 0) hosts.push({ monitor, total, rate: (100 * succeeded) / total })
    }
    const rated = hosts.filter(({ total }) => total >= successRate.requestVolume)
    if (rated.length > 0 && rated.length >= successRate.minimumHosts) {
      const rates = rated.map(({ rate }) => rate)
      const threshold = successRateThreshold(rates, successRate.stdevFactor / 1000)
      for (const { monitor, rate } of rated) if (rate < threshold) this.#detect(monitor, rateKind)
    }
    const counted = hosts.filter(({ total }) => total >= failurePercentage.requestVolume)
    if (counted.length < failurePercentage.minimumHosts) return
    for (const { monitor, rate } of counted) {
      if (100 - rate >= failurePercentage.threshold) this.#detect(monitor, percentageKind)
    }
  }

  #detect(monitor: HostMonitor, kind: EjectionKind): void {
    if (monitor.ejected) return
    const { config } = this
    const { now, random, stats, onChange } = this.#parts
    stats.detected(kind)
    const percent = (100 * (this.#ejected + 1)) / this.#monitors.size
    if (percent > config.maxEjectionPercent && !(config.alwaysEjectOneHost && this.#ejected === 0)) {
      stats.overflow()
      return
    }
    if (random() * 100 >= config.enforcing[kind]) return
    stats.enforced(kind)
    monitor.ejected = true
    monitor.ejectedAt = now()
    monitor.jitterMs = Math.floor(random() * (config.maxEjectionJitterMs + 1))
    // Past the longest time counting on would only keep the endpoint suspect for longer.
    if (monitor.backoff * config.baseEjectionMs < config.maxEjectionMs + config.baseEjectionMs) monitor.backoff += 1
    this.#countEjected(1)
    onChange()
  }

  #countEjected(difference: number): void {
    this.#ejected += difference
    this.#parts.stats.active(difference)
  }
}
