import type { Alarm, Clock } from '../../base/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { OverloadActionConfig, OverloadConfig, OverloadTrigger } from '../config/index.ts'
import { OverloadLimits } from './limits.ts'
import { calmOverloadState, type OverloadState } from './overload-state.ts'
import { createResourceMonitor, type ResourceMonitor, type ResourceReaders } from './resource-monitor.ts'

/** What a manager is made of. */
export interface OverloadManagerOptions {
  readonly config: OverloadConfig
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly alarm: Alarm
  readonly readers: ResourceReaders
  /** Gives memory back to the system. */
  readonly shrinkHeap: () => void
  /** Downstream connections now, and the most there may be: a resource of its own, enforced where connections are accepted. */
  readonly downstream: () => { readonly active: number; readonly max: number }
}

/** Reads the pressure of resources and takes Envoy's actions. */
export interface OverloadManager {
  /** Read by the data path; its fields change, the object stays. */
  readonly state: OverloadState
  /** Called when `stop_accepting_connections` begins (`true`) or ends. */
  onAcceptingChange: ((stopped: boolean) => void) | undefined
  /** Called when timers got shorter: those that run are to be armed anew. */
  onTimeoutsReduced: (() => void) | undefined
  /** Reads the monitors from now on. */
  readonly start: () => void
  readonly stop: () => void
}

/** Makes a manager; it does nothing before `start`. */
export function createOverloadManager(options: OverloadManagerOptions): OverloadManager {
  return new Manager(options)
}

type Gauge = { value: number }

/** A monitor with its last pressure and instruments. */
interface Watched {
  readonly monitor: ResourceMonitor
  pressure: number
  readonly gauge: Gauge
  readonly failed: Gauge
}

/** An action with its state and instruments. */
interface Action {
  readonly config: OverloadActionConfig
  strength: number
  readonly active: Gauge
  readonly percent: Gauge
}

class Manager implements OverloadManager {
  readonly state: OverloadState = calmOverloadState()
  onAcceptingChange: ((stopped: boolean) => void) | undefined = undefined
  onTimeoutsReduced: (() => void) | undefined = undefined
  readonly #options: OverloadManagerOptions
  readonly #watched: readonly Watched[]
  readonly #actions: readonly Action[]
  readonly #connections: Gauge
  readonly #shrinks: Gauge
  #timer: unknown
  #dueAt = 0
  #shrunkAt = Number.NEGATIVE_INFINITY
  #running = false

  constructor(options: OverloadManagerOptions) {
    const { config, readers, telemetry } = options
    this.#options = options
    this.#watched = config.monitors.map((monitor) => {
      const prefix = statPrefix(monitor.name)
      return {
        monitor: createResourceMonitor(monitor, readers),
        pressure: 0,
        gauge: telemetry.gauge(`${prefix}_pressure`),
        failed: telemetry.counter(`${prefix}_failed_updates`),
      }
    })
    this.#actions = config.actions.map((action) => {
      const prefix = statPrefix(`envoy.overload_actions.${action.name}`)
      return {
        config: action,
        strength: 0,
        active: telemetry.gauge(`${prefix}_active`),
        percent: telemetry.gauge(`${prefix}_scale_percent`),
      }
    })
    this.#connections = telemetry.gauge(
      `${statPrefix('envoy.resource_monitors.global_downstream_max_connections')}_pressure`,
    )
    this.#shrinks = telemetry.counter(`${statPrefix('envoy.overload_actions.shrink_heap')}_shrink_count`)
  }

  start(): void {
    this.#running = true
    this.#arm()
  }

  stop(): void {
    this.#running = false
    this.#options.alarm.clear(this.#timer)
  }

  #arm(): void {
    const { alarm, clock, config } = this.#options
    this.#dueAt = clock.monotonic() + config.refreshMs
    this.#timer = alarm.set(config.refreshMs, () => this.#refresh())
  }

  #refresh(): void {
    if (!this.#running) return
    const late = Math.max(0, this.#options.clock.monotonic() - this.#dueAt)
    for (const watched of this.#watched) {
      const pressure = watched.monitor.read(late)
      if (pressure === undefined) watched.failed.value += 1
      else {
        watched.pressure = pressure
        watched.gauge.value = percentOf(pressure)
      }
    }
    const { active, max } = this.#options.downstream()
    this.#connections.value = percentOf(active / max)
    for (const action of this.#actions) this.#judge(action)
    this.#arm()
  }

  #judge(action: Action): void {
    let strength = 0
    for (const trigger of action.config.triggers)
      strength = Math.max(strength, strengthOf(trigger, this.#pressureOf(trigger)))
    const before = action.strength
    action.strength = strength
    action.active.value = strength >= 1 ? 1 : 0
    action.percent.value = percentOf(strength)
    this.#take(action.config, strength, before)
  }

  #pressureOf(trigger: OverloadTrigger): number {
    return this.#watched.find(({ monitor }) => monitor.name === trigger.monitor)?.pressure ?? 0
  }

  #take(action: OverloadActionConfig, strength: number, before: number): void {
    const { state } = this
    switch (action.name) {
      case 'reduce_timeouts':
        if (strength !== before) this.#reduceTimeouts(action, strength, before)
        return
      case 'disable_http_keepalive':
        state.disableKeepalive = strength
        return
      case 'stop_accepting_requests':
        state.stopRequests = strength
        return
      case 'reject_incoming_connections':
        state.rejectConnections = strength
        return
      case 'stop_accepting_connections':
        // Scaled triggers count when they are saturated, as in Envoy: a listener accepts or it does not.
        if (strength >= 1 !== before >= 1) this.onAcceptingChange?.(strength >= 1)
        return
      case 'shrink_heap':
        if (strength >= 1) this.#shrink()
    }
  }

  #reduceTimeouts(action: OverloadActionConfig, strength: number, before: number): void {
    for (const timer of action.timers) {
      const scale = timer.timer === 'connection-idle' ? this.state.connectionIdle : this.state.streamIdle
      scale.reduction = strength
      scale.share = timer.kind === 'share'
      scale.floor = timer.kind === 'share' ? timer.minShare : timer.minMs
    }
    if (strength > before) this.onTimeoutsReduced?.()
  }

  #shrink(): void {
    const now = this.#options.clock.monotonic()
    if (now - this.#shrunkAt < OverloadLimits.shrinkIntervalMs) return
    this.#shrunkAt = now
    this.#shrinks.value += 1
    this.#options.shrinkHeap()
  }
}

function strengthOf({ kind, scalesAbove, saturatedAt }: OverloadTrigger, pressure: number): number {
  if (kind === 'threshold') return pressure >= saturatedAt ? 1 : 0
  if (pressure <= scalesAbove) return 0
  return Math.min(1, (pressure - scalesAbove) / (saturatedAt - scalesAbove))
}

/** `overload.<name>` of Envoy, as Prometheus writes it. */
function statPrefix(name: string): string {
  return `envoy_overload_${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}`
}

function percentOf(share: number): number {
  return Math.floor(share * 100 + 1e-9)
}
