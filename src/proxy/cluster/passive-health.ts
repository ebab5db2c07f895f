import type { WheelTimer } from '../../base/index.ts'
import type { OutlierConfig } from '../config/index.ts'
import { createOutlierStats, type HostMonitor, OutlierDetector } from '../health/index.ts'
import type { ClusterServices } from './cluster-services.ts'

/** Whose results are watched. */
interface WatchedHost {
  outlier: HostMonitor | undefined
}

/** What watching the endpoints of a cluster takes. */
export interface PassiveHealthParts {
  /** Name of the cluster. */
  readonly cluster: string
  readonly services: ClusterServices
  /** An endpoint was ejected or let back. */
  readonly onChange: () => void
}

/** Outlier detection of one cluster at run time: gives each endpoint its monitor and keeps the interval. */
export class PassiveHealth {
  readonly #detector: OutlierDetector
  readonly #timer: WheelTimer
  #watched = new Set<WatchedHost>()

  constructor(config: OutlierConfig, parts: PassiveHealthParts) {
    const { services, cluster, onChange } = parts
    this.#detector = new OutlierDetector(config, {
      now: () => services.clock.monotonic(),
      random: services.random,
      stats: createOutlierStats(services.telemetry, cluster),
      onChange,
    })
    this.#timer = services.timers.timer({ onTimer: () => this.#onInterval() })
    this.#timer.arm(config.intervalMs)
  }

  /** Takes new settings; who is ejected stays so, for the time that they say. */
  reconfigure(config: OutlierConfig): void {
    const { intervalMs } = this.#detector.config
    this.#detector.config = config
    if (intervalMs !== config.intervalMs) this.#timer.arm(config.intervalMs)
  }

  /** These are the endpoints now: those that stay keep their history. */
  watch(hosts: Iterable<WatchedHost>): void {
    const watched = new Set(hosts)
    for (const host of watched) host.outlier ??= this.#detector.add()
    for (const host of this.#watched) if (!watched.has(host)) this.#leave(host)
    this.#watched = watched
  }

  /** An active check of the endpoint has passed: its ejection is over, unless the configuration says that it lasts. */
  onCheckPassed(host: WatchedHost): void {
    if (host.outlier?.ejected === true && this.#detector.config.outlastsChecks !== true)
      this.#detector.unejectNow(host.outlier)
  }

  /** Nobody is watched or ejected any more. */
  stop(): void {
    this.pause()
    for (const host of this.#watched) this.#leave(host)
    this.#watched.clear()
  }

  /** No interval ends any more. */
  pause(): void {
    this.#timer.cancel()
  }

  #leave(host: WatchedHost): void {
    if (host.outlier !== undefined) this.#detector.remove(host.outlier)
    host.outlier = undefined
  }

  #onInterval(): void {
    this.#detector.onInterval()
    this.#timer.arm(this.#detector.config.intervalMs)
  }
}
