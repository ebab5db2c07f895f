import {
  type OverloadAction,
  type OverloadManager,
  type ResourceMonitor,
  ScaleTimersOverloadActionConfig_TimerType as TimerType,
  ScaleTimersOverloadActionConfigSchema,
  type Trigger,
} from '../../xds/generated/envoy/config/overload/v3/overload_pb.ts'
import { DownstreamConnectionsConfigSchema } from '../../xds/generated/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts'
import { FixedHeapConfigSchema } from '../../xds/generated/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.ts'
import { InjectedResourceConfigSchema } from '../../xds/generated/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource_pb.ts'
import { EventLoopDelayConfigSchema } from '../../xds/generated/weft/resource_monitors/event_loop_delay/v3/event_loop_delay_pb.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { durationMs, requiredText } from './field-values.ts'
import {
  type OverloadActionConfig,
  overloadActionNames,
  type OverloadConfig,
  type OverloadMonitorConfig,
  type OverloadTrigger,
  type ScaledTimer,
} from './overload-config.ts'

const actionPrefix = 'envoy.overload_actions.'
const connectionsMonitor = 'envoy.resource_monitors.global_downstream_max_connections'

/** Compiles `overload_manager`; undefined when there is none. */
export function compileOverload(
  context: CompileContext,
  path: string,
  message: OverloadManager | undefined,
): OverloadConfig | undefined {
  if (message === undefined) return undefined
  if (message.resourceMonitors.length === 0) context.faults.add(`${path}.resource_monitors`, 'Expected at least one')
  let maxDownstreamConnections: number | undefined
  const monitors: OverloadMonitorConfig[] = []
  const names = new Set<string>()
  for (const [index, monitor] of message.resourceMonitors.entries()) {
    const at = `${path}.resource_monitors[${index}]`
    if (names.has(monitor.name)) context.faults.add(`${at}.name`, `Name ${monitor.name} is given twice`)
    names.add(monitor.name)
    const connections = unpackAny(configOf(monitor), DownstreamConnectionsConfigSchema)
    if (connections === undefined) {
      const compiled = compileMonitor(context, at, monitor)
      if (compiled !== undefined) monitors.push(compiled)
    } else {
      if (monitor.name !== connectionsMonitor) context.faults.add(`${at}.name`, `Expected ${connectionsMonitor}`)
      const field = `${at}.typed_config.max_active_downstream_connections`
      maxDownstreamConnections = wholeNumber(context, field, connections.maxActiveDownstreamConnections)
    }
  }
  return {
    refreshMs: Math.max(
      1,
      durationMs(context, `${path}.refresh_interval`, { value: message.refreshInterval, absent: 1000 }),
    ),
    monitors,
    maxDownstreamConnections,
    actions: compileActions(context, path, message, new Set(monitors.map(({ name }) => name))),
  }
}

function configOf(monitor: ResourceMonitor) {
  return monitor.configType.case === 'typedConfig' ? monitor.configType.value : undefined
}

function compileMonitor(
  context: CompileContext,
  path: string,
  monitor: ResourceMonitor,
): OverloadMonitorConfig | undefined {
  const name = requiredText(context, `${path}.name`, monitor.name)
  const any = configOf(monitor)
  const at = `${path}.typed_config`
  const heap = unpackAny(any, FixedHeapConfigSchema)
  if (heap !== undefined) {
    return {
      name,
      kind: 'fixed-heap',
      maxBytes: wholeNumber(context, `${at}.max_heap_size_bytes`, heap.maxHeapSizeBytes),
    }
  }
  const loop = unpackAny(any, EventLoopDelayConfigSchema)
  if (loop !== undefined) {
    const maxMs = durationMs(context, `${at}.max_delay`, { value: loop.maxDelay, absent: 0 })
    if (maxMs === 0) context.faults.add(`${at}.max_delay`, 'Expected a duration of more than 0s')
    return { name, kind: 'event-loop-delay', maxMs }
  }
  const injected = unpackAny(any, InjectedResourceConfigSchema)
  if (injected !== undefined) {
    return { name, kind: 'injected', filename: requiredText(context, `${at}.filename`, injected.filename) }
  }
  const expected =
    'Expected a FixedHeapConfig, DownstreamConnectionsConfig, EventLoopDelayConfig or InjectedResourceConfig'
  context.faults.add(at, expected)
  return undefined
}

function wholeNumber(context: CompileContext, path: string, value: bigint): number {
  if (value >= 1n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  context.faults.add(path, `Expected a number from 1 to ${Number.MAX_SAFE_INTEGER}, got ${value}`)
  return 1
}

function compileActions(
  context: CompileContext,
  path: string,
  message: OverloadManager,
  monitors: ReadonlySet<string>,
): readonly OverloadActionConfig[] {
  const seen = new Set<string>()
  return message.actions.flatMap((action, index) => {
    const at = `${path}.actions[${index}]`
    const name = overloadActionNames.find((known) => `${actionPrefix}${known}` === action.name)
    if (name === undefined) {
      context.faults.add(`${at}.name`, `${JSON.stringify(action.name)} is not implemented by this proxy`)
      return []
    }
    if (seen.has(name)) context.faults.add(`${at}.name`, `Action ${action.name} is given twice`)
    seen.add(name)
    if (action.triggers.length === 0) context.faults.add(`${at}.triggers`, 'Expected at least one')
    return [
      {
        name,
        triggers: compileTriggers(context, at, action, monitors),
        timers: compileTimers(context, at, name, action),
      },
    ]
  })
}

function compileTriggers(
  context: CompileContext,
  path: string,
  action: OverloadAction,
  monitors: ReadonlySet<string>,
): readonly OverloadTrigger[] {
  const seen = new Set<string>()
  return action.triggers.map((trigger, index) => {
    const at = `${path}.triggers[${index}]`
    // The connection limit works by itself, as in Envoy: no action can hang on it.
    if (!monitors.has(trigger.name))
      context.faults.add(`${at}.name`, `Expected the name of a resource monitor, got ${JSON.stringify(trigger.name)}`)
    if (seen.has(trigger.name)) context.faults.add(`${at}.name`, `Monitor ${trigger.name} triggers the action twice`)
    seen.add(trigger.name)
    return compileTrigger(context, at, trigger)
  })
}

function compileTrigger(context: CompileContext, at: string, trigger: Trigger): OverloadTrigger {
  const choice = trigger.triggerOneof
  const share = (field: string, value: number): number => {
    if (!(value >= 0 && value <= 1)) context.faults.add(`${at}.${field}`, `Expected a number from 0 to 1, got ${value}`)
    return value
  }
  switch (choice.case) {
    case 'threshold': {
      const value = share('threshold.value', choice.value.value)
      return { monitor: trigger.name, kind: 'threshold', scalesAbove: value, saturatedAt: value }
    }
    case 'scaled': {
      const scalesAbove = share('scaled.scaling_threshold', choice.value.scalingThreshold)
      const saturatedAt = share('scaled.saturation_threshold', choice.value.saturationThreshold)
      if (scalesAbove >= saturatedAt)
        context.faults.add(`${at}.scaled`, 'Expected scaling_threshold below saturation_threshold')
      return { monitor: trigger.name, kind: 'scaled', scalesAbove, saturatedAt }
    }
    default:
      context.faults.add(at, 'Expected threshold or scaled')
      return { monitor: trigger.name, kind: 'threshold', scalesAbove: 1, saturatedAt: 1 }
  }
}

const timerNames: ReadonlyMap<TimerType, ScaledTimer['timer']> = new Map([
  [TimerType.HTTP_DOWNSTREAM_CONNECTION_IDLE, 'connection-idle'],
  [TimerType.HTTP_DOWNSTREAM_STREAM_IDLE, 'stream-idle'],
])

function compileTimers(
  context: CompileContext,
  path: string,
  name: string,
  action: OverloadAction,
): readonly ScaledTimer[] {
  const at = `${path}.typed_config`
  if (name !== 'reduce_timeouts') {
    if (action.typedConfig !== undefined) context.faults.add(at, `Expected none for ${action.name}`)
    return []
  }
  const config = unpackAny(action.typedConfig, ScaleTimersOverloadActionConfigSchema)
  if (config === undefined || config.timerScaleFactors.length === 0) {
    context.faults.add(at, 'Expected a ScaleTimersOverloadActionConfig with timer_scale_factors')
    return []
  }
  const seen = new Set<TimerType>()
  return config.timerScaleFactors.flatMap(({ timer: type, overloadAdjust }, index): readonly ScaledTimer[] => {
    const where = `${at}.timer_scale_factors[${index}]`
    const timer = timerNames.get(type)
    if (timer === undefined) {
      // TRANSPORT_SOCKET_CONNECT is refused by the support check, which knows its name.
      if (type === TimerType.UNSPECIFIED) context.faults.add(`${where}.timer`, 'Expected the type of a timer')
      return []
    }
    if (seen.has(type)) context.faults.add(`${where}.timer`, 'The timer is given twice')
    seen.add(type)
    if (overloadAdjust.case === 'minTimeout') {
      const minMs = durationMs(context, `${where}.min_timeout`, { value: overloadAdjust.value, absent: 0 })
      return [{ timer, kind: 'absolute', minMs }]
    }
    if (overloadAdjust.case !== 'minScale') {
      context.faults.add(where, 'Expected min_timeout or min_scale')
      return []
    }
    const { value } = overloadAdjust.value
    if (!(value >= 0 && value <= 100))
      context.faults.add(`${where}.min_scale`, `Expected a percentage from 0 to 100, got ${value}`)
    return [{ timer, kind: 'share', minShare: value / 100 }]
  })
}
