import { describe, expect, test } from 'bun:test'
import type { Alarm, Clock } from '../../base/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import type { OverloadActionConfig, OverloadConfig, OverloadTrigger } from '../config/index.ts'
import { defaultOverload, memoryLimitBytes } from './default-overload.ts'
import { createOverloadManager } from './overload-manager.ts'
import { calmOverloadState, isTaken, scaledTimeoutMs } from './overload-state.ts'

const threshold = (value: number, monitor = 'm'): OverloadTrigger => ({
  monitor,
  kind: 'threshold',
  scalesAbove: value,
  saturatedAt: value,
})
const scaled = (scalesAbove: number, saturatedAt: number): OverloadTrigger => ({
  monitor: 'm',
  kind: 'scaled',
  scalesAbove,
  saturatedAt,
})

/** A manager with one injected pressure and an alarm that rings when it is told to. */
function manage(actions: readonly OverloadActionConfig[], overrides: Partial<OverloadConfig> = {}) {
  const source = { text: '0', resident: 0, now: 0, late: 0, shrunk: 0, stopped: [] as boolean[], reduced: 0 }
  let wake: (() => void) | undefined
  const clock: Clock = { now: () => source.now, monotonic: () => source.now }
  const alarm: Alarm = {
    set: (_delayMs, next) => {
      wake = next
    },
    clear: () => {
      wake = undefined
    },
  }
  const telemetry = createTelemetry()
  const config: OverloadConfig = {
    refreshMs: 100,
    monitors: [{ name: 'm', kind: 'injected', filename: 'pressure' }],
    maxDownstreamConnections: undefined,
    actions,
    ...overrides,
  }
  const manager = createOverloadManager({
    config,
    telemetry,
    clock,
    alarm,
    readers: { residentBytes: () => source.resident, readText: () => source.text },
    shrinkHeap: () => {
      source.shrunk += 1
    },
    downstream: () => ({ active: 5, max: 20 }),
  })
  manager.onAcceptingChange = (stopped) => source.stopped.push(stopped)
  manager.onTimeoutsReduced = () => {
    source.reduced += 1
  }
  manager.start()
  const refresh = (pressure: number, lateMs = 0): void => {
    source.text = String(pressure)
    source.now += config.refreshMs + lateMs
    wake?.()
  }
  return { manager, source, refresh, telemetry, armed: () => wake !== undefined }
}

const action = (
  name: OverloadActionConfig['name'],
  trigger: OverloadTrigger,
  timers: OverloadActionConfig['timers'] = [],
): OverloadActionConfig => ({ name, triggers: [trigger], timers })

describe('createOverloadManager()', () => {
  test.each([
    ['stop_accepting_requests', 'stopRequests'],
    ['disable_http_keepalive', 'disableKeepalive'],
    ['reject_incoming_connections', 'rejectConnections'],
  ] as const)('takes %s at its threshold and ends it below', (name, field) => {
    const { manager, refresh } = manage([action(name, threshold(0.9))])
    refresh(0.89)
    expect(manager.state[field]).toBe(0)
    refresh(0.9)
    expect(manager.state[field]).toBe(1)
    refresh(0.5)
    expect(manager.state[field]).toBe(0)
  })

  test('a scaled trigger gives the share of the way to saturation', () => {
    const { manager, refresh } = manage([action('stop_accepting_requests', scaled(0.5, 0.9))])
    refresh(0.7)
    expect(manager.state.stopRequests).toBeCloseTo(0.5)
    refresh(1)
    expect(manager.state.stopRequests).toBe(1)
  })

  test('stop_accepting_connections calls only when it begins and when it ends, and not while it scales', () => {
    const { source, refresh } = manage([action('stop_accepting_connections', scaled(0.5, 0.9))])
    for (const pressure of [0.7, 0.95, 1, 0.8, 0.1]) refresh(pressure)
    expect(source.stopped).toEqual([true, false])
  })

  test('reduce_timeouts sets scale and floor, and calls when the pressure rises', () => {
    const timers = [
      { timer: 'connection-idle', kind: 'absolute', minMs: 2000 },
      { timer: 'stream-idle', kind: 'share', minShare: 0.1 },
    ] as const
    const { manager, source, refresh } = manage([action('reduce_timeouts', scaled(0.85, 0.95), timers)])
    refresh(0.9)
    expect(source.reduced).toBe(1)
    expect(scaledTimeoutMs(600_000, manager.state.connectionIdle)).toBe(301_000)
    expect(scaledTimeoutMs(600_000, manager.state.streamIdle)).toBe(330_000)
    refresh(0.86)
    expect(source.reduced).toBe(1)
    refresh(0)
    expect(scaledTimeoutMs(600_000, manager.state.connectionIdle)).toBe(600_000)
  })

  test('shrink_heap gives memory back at once and then every ten seconds', () => {
    const { source, refresh } = manage([action('shrink_heap', threshold(0.9))])
    refresh(0.95)
    refresh(0.95)
    expect(source.shrunk).toBe(1)
    source.now += 10_000
    refresh(0.95)
    expect(source.shrunk).toBe(2)
  })

  test('fixed-heap is resident memory over its maximum', () => {
    const heap = { name: 'm', kind: 'fixed-heap', maxBytes: 1000 } as const
    const { manager, source, refresh } = manage([action('stop_accepting_requests', threshold(0.9))], {
      monitors: [heap],
    })
    source.resident = 899
    refresh(0)
    expect(manager.state.stopRequests).toBe(0)
    source.resident = 900
    refresh(0)
    expect(manager.state.stopRequests).toBe(1)
  })

  test('one long pause of the event loop is no overload, a delay that stands is', () => {
    const delay = { name: 'm', kind: 'event-loop-delay', maxMs: 1000 } as const
    const { manager, refresh } = manage([action('stop_accepting_requests', threshold(1))], { monitors: [delay] })
    refresh(0, 3000)
    expect(manager.state.stopRequests).toBe(0)
    refresh(0, 0)
    refresh(0, 1500)
    expect(manager.state.stopRequests).toBe(0)
    refresh(0, 1200)
    expect(manager.state.stopRequests).toBe(1)
    refresh(0, 0)
    expect(manager.state.stopRequests).toBe(0)
  })

  test('a monitor that cannot be read keeps its last pressure and counts the failure', () => {
    const { manager, source, refresh, telemetry } = manage([action('stop_accepting_requests', threshold(0.9))])
    refresh(1)
    for (const text of ['', '1e3', '-1', '2', 'high']) {
      source.text = text
      refresh(Number.NaN)
    }
    expect(manager.state.stopRequests).toBe(1)
    expect(telemetry.expose()).toContain('envoy_overload_m_failed_updates 5')
  })

  test('counts as Envoy names them', () => {
    const name = 'envoy.resource_monitors.injected_resource'
    const { refresh, telemetry } = manage(
      [{ ...action('shrink_heap', threshold(0.9)), triggers: [threshold(0.9, name)] }],
      {
        monitors: [{ name, kind: 'injected', filename: 'pressure' }],
      },
    )
    refresh(0.91)
    const text = telemetry.expose()
    expect(text).toContain('envoy_overload_envoy_resource_monitors_injected_resource_pressure 91')
    expect(text).toContain('envoy_overload_envoy_resource_monitors_global_downstream_max_connections_pressure 25')
    expect(text).toContain('envoy_overload_envoy_overload_actions_shrink_heap_active 1')
    expect(text).toContain('envoy_overload_envoy_overload_actions_shrink_heap_scale_percent 100')
    expect(text).toContain('envoy_overload_envoy_overload_actions_shrink_heap_shrink_count 1')
  })

  test('stop() reads no more', () => {
    const { manager, armed } = manage([])
    expect(armed()).toBe(true)
    manager.stop()
    expect(armed()).toBe(false)
  })
})

test('scaledTimeoutMs() leaves what is off alone and never makes a timer longer', () => {
  const scale = { reduction: 1, floor: 2000, share: false }
  expect(scaledTimeoutMs(0, scale)).toBe(0)
  expect(scaledTimeoutMs(1000, scale)).toBe(1000)
  expect(scaledTimeoutMs(60_000, scale)).toBe(2000)
  expect(scaledTimeoutMs(60_000, calmOverloadState().connectionIdle)).toBe(60_000)
})

test('isTaken() draws by strength', () => {
  expect([0, 0.3, 1].map((strength) => isTaken(strength, () => 0.2))).toEqual([false, true, true])
  expect(isTaken(0.1, () => 0.2)).toBe(false)
})

test('defaultOverload() acts in Envoy’s order as memory fills', () => {
  const taken: string[] = []
  for (const percent of [80, 90, 92, 95, 98]) {
    for (const { name, triggers } of defaultOverload(1000).actions) {
      const at = triggers.find(({ monitor }) => monitor.includes('fixed_heap'))
      if (at !== undefined && at.scalesAbove < percent / 100 + 1e-9 && !taken.includes(name)) taken.push(name)
    }
  }
  expect(taken).toEqual([
    'shrink_heap',
    'reduce_timeouts',
    'disable_http_keepalive',
    'stop_accepting_requests',
    'reject_incoming_connections',
  ])
})

test('memoryLimitBytes() takes the limit of the control group, never more than the machine has', () => {
  expect(memoryLimitBytes(() => '104857600\n')).toBe(104_857_600)
  const machine = memoryLimitBytes(() => 'max\n')
  expect(memoryLimitBytes(() => '9223372036854771712')).toBe(machine)
  expect(
    memoryLimitBytes(() => {
      throw new Error('ENOENT')
    }),
  ).toBe(machine)
})
