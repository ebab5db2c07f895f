import type { TimerOwner, TimerWheel, WheelTimer } from '../../../base/index.ts'
import type { HealthCheckConfig } from '../../config/index.ts'
import type { HostHealth } from '../host-health.ts'
import { type CheckOutcome, type FailedCheck, failedPassive, failedTimeout } from './check-outcome.ts'
import type { CheckStats } from './check-stats.ts'
import { CheckLimits } from './limits.ts'
import type { Probe } from './probe.ts'

/** What a result did to a host: nothing, one step towards a change, or a change. */
export type CheckTransition = 'unchanged' | 'pending' | 'changed'

/** What a session is made of. */
export interface CheckSessionParts {
  readonly config: HealthCheckConfig
  readonly health: HostHealth
  readonly stats: CheckStats
  readonly timers: TimerWheel
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** The cluster has had a connection of a client's request: checks come at their own pace, not at that of `no_traffic_interval`. */
  readonly hasTraffic: () => boolean
  /** Makes the check itself; its outcome goes to the callback. */
  readonly createProbe: (done: (outcome: CheckOutcome) => void) => Probe
  /** A result is in, and the flags of the host say it already. */
  readonly onResult: (passed: boolean, transition: CheckTransition) => void
}

const Timer = { interval: 0, timeout: 1 } as const

/**
 * The checks of one host, one after the other, with Envoy's meaning (`HealthCheckerImplBase`).
 *
 *     waiting --interval--> checking --outcome, timeout--> waiting
 *
 * The first result decides at once. After it `healthy_threshold` passes in a row make healthy; `unhealthy_threshold` failures in a row make
 * unhealthy, and one suffices if the host answered and said that it is not well.
 */
export class CheckSession implements TimerOwner {
  readonly #parts: CheckSessionParts
  readonly #interval: WheelTimer
  readonly #timeout: WheelTimer
  readonly #probe: Probe
  #checking = false
  #stopped = false
  /** No result yet. */
  #first = true
  #passes = 0
  #failures = 0

  constructor(parts: CheckSessionParts) {
    this.#parts = parts
    const { timers, stats, health } = parts
    this.#interval = timers.timer(this, Timer.interval)
    this.#timeout = timers.timer(this, Timer.timeout)
    this.#probe = parts.createProbe((outcome) => this.#onOutcome(outcome))
    if (!health.failedActive) stats.add('healthy', 1)
    if (health.degradedActive) stats.add('degraded', 1)
  }

  /** No result yet. */
  get isFirst(): boolean {
    return this.#first
  }

  /** Begins with the first check, now or within `initial_jitter`. */
  start(): void {
    const { config, random } = this.#parts
    if (config.initialJitterMs > 0) this.#interval.arm(Math.floor(random() * config.initialJitterMs))
    else this.#check()
  }

  /** No further check; the flags of the host stay as they are. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#interval.cancel()
    this.#timeout.cancel()
    this.#probe.close()
    const { stats, health } = this.#parts
    if (!health.failedActive) stats.add('healthy', -1)
    if (health.degradedActive) stats.add('degraded', -1)
  }

  /** A response to a client's request said `x-envoy-immediate-health-check-fail`: unhealthy at once; checks go on as they were. */
  failNow(): void {
    if (!this.#stopped) this.#fail(failedPassive)
  }

  onTimer(tag: number): void {
    if (tag === Timer.interval) this.#check()
    else if (this.#checking) {
      this.#probe.abort()
      this.#onOutcome(failedTimeout)
    }
  }

  #check(): void {
    this.#checking = true
    this.#timeout.arm(this.#parts.config.timeoutMs)
    this.#parts.stats.count('attempt')
    this.#probe.start()
  }

  #onOutcome(outcome: CheckOutcome): void {
    if (!this.#checking || this.#stopped) return
    this.#checking = false
    this.#timeout.cancel()
    if (outcome.kind === 'not-ready') {
      this.#interval.arm(CheckLimits.notReadyMs)
      return
    }
    const transition = outcome.kind === 'passed' ? this.#pass(outcome.degraded) : this.#fail(outcome)
    // Whoever was told may have ended the session.
    if (!this.#isStopped()) this.#interval.arm(this.#pause(outcome.kind === 'passed', transition))
  }

  #isStopped(): boolean {
    return this.#stopped
  }

  #pass(degraded: boolean): CheckTransition {
    const { config, health, stats } = this.#parts
    this.#failures = 0
    let transition: CheckTransition = 'unchanged'
    if (health.failedActive) {
      this.#passes += 1
      transition = 'pending'
      if (this.#first || this.#passes >= config.healthyThreshold) {
        health.failedActive = false
        health.activeTimeout = false
        health.excludedByItself = false
        stats.add('healthy', 1)
        transition = 'changed'
      }
    }
    transition = this.#clearPending(transition)
    if (degraded !== health.degradedActive) {
      health.degradedActive = degraded
      stats.add('degraded', degraded ? 1 : -1)
      if (transition === 'unchanged') transition = 'changed'
    }
    stats.count('success')
    this.#first = false
    this.#parts.onResult(true, transition)
    return transition
  }

  #fail({ cause, excluded }: FailedCheck): CheckTransition {
    const { config, health, stats } = this.#parts
    this.#passes = 0
    let transition: CheckTransition = 'unchanged'
    if (excluded) health.excludedByItself = true
    if (!health.failedActive) {
      this.#failures += 1
      transition = 'pending'
      // A host that was in use before it was ever checked is judged by its first check, too.
      const atOnce = this.#first || cause === 'answer' || cause === 'passive'
      if (atOnce || this.#failures >= config.unhealthyThreshold) {
        health.failedActive = true
        this.#failures = 0
        stats.add('healthy', -1)
        transition = 'changed'
      }
    }
    health.activeTimeout = cause === 'timeout' && health.failedActive
    transition = this.#clearPending(transition)
    stats.count('failure')
    if (cause === 'network' || cause === 'timeout') stats.count('network_failure')
    else if (cause === 'passive') stats.count('passive_failure')
    this.#first = false
    this.#parts.onResult(false, transition)
    return transition
  }

  #clearPending(transition: CheckTransition): CheckTransition {
    const { health } = this.#parts
    if (!health.pendingActive) return transition
    health.pendingActive = false
    return 'changed'
  }

  /** How long until the next check. */
  #pause(isPassed: boolean, transition: CheckTransition): number {
    const { config, hasTraffic, random } = this.#parts
    const isPending = transition === 'pending'
    let base = isPassed && !isPending ? config.noTrafficHealthyIntervalMs : config.noTrafficIntervalMs
    if (hasTraffic()) {
      if (isPassed) base = isPending ? config.healthyEdgeIntervalMs : config.intervalMs
      else base = isPending ? config.unhealthyEdgeIntervalMs : config.unhealthyIntervalMs
    }
    const share = (config.intervalJitterPercent * base) / 100
    return Math.max(1, Math.floor(base + random() * share + random() * config.intervalJitterMs))
  }
}
