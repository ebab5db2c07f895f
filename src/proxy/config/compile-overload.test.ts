import { expect, test } from 'bun:test'
import { readBootstrap } from './bootstrap.ts'

const resource = 'type.googleapis.com/envoy.extensions.resource_monitors'
const heap = `{ name: heap, typed_config: { "@type": ${resource}.fixed_heap.v3.FixedHeapConfig, max_heap_size_bytes: 1000 } }`
const trigger = 'triggers: [ { name: heap, threshold: { value: 0.9 } } ]'
const timers = 'type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig'

function read(actions: string, monitors = heap, more = '') {
  return readBootstrap(`overload_manager: { resource_monitors: [ ${monitors} ], actions: [ ${actions} ] ${more} }`)
}

test('readBootstrap() compiles monitors, triggers and actions', () => {
  const monitors = [
    heap,
    `{ name: loop, typed_config: { "@type": type.googleapis.com/weft.resource_monitors.event_loop_delay.v3.EventLoopDelayConfig, max_delay: 0.5s } }`,
    `{ name: drill, typed_config: { "@type": ${resource}.injected_resource.v3.InjectedResourceConfig, filename: /p } }`,
    `{ name: envoy.resource_monitors.global_downstream_max_connections, typed_config: { "@type": ${resource}.downstream_connections.v3.DownstreamConnectionsConfig, max_active_downstream_connections: 7 } }`,
  ].join(', ')
  const actions = [
    '{ name: envoy.overload_actions.stop_accepting_requests, triggers: [ { name: loop, scaled: { scaling_threshold: 0.5, saturation_threshold: 1 } } ] }',
    `{ name: envoy.overload_actions.reduce_timeouts, ${trigger}, typed_config: { "@type": ${timers}, timer_scale_factors: [ { timer: HTTP_DOWNSTREAM_CONNECTION_IDLE, min_timeout: 2s }, { timer: HTTP_DOWNSTREAM_STREAM_IDLE, min_scale: { value: 10 } } ] } }`,
  ].join(', ')
  const bootstrap = read(actions, monitors, ', refresh_interval: 0.25s')
  if (!bootstrap.ok) throw new Error(JSON.stringify(bootstrap.error))
  expect(bootstrap.value.overload).toEqual({
    refreshMs: 250,
    monitors: [
      { name: 'heap', kind: 'fixed-heap', maxBytes: 1000 },
      { name: 'loop', kind: 'event-loop-delay', maxMs: 500 },
      { name: 'drill', kind: 'injected', filename: '/p' },
    ],
    maxDownstreamConnections: 7,
    actions: [
      {
        name: 'stop_accepting_requests',
        triggers: [{ monitor: 'loop', kind: 'scaled', scalesAbove: 0.5, saturatedAt: 1 }],
        timers: [],
      },
      {
        name: 'reduce_timeouts',
        triggers: [{ monitor: 'heap', kind: 'threshold', scalesAbove: 0.9, saturatedAt: 0.9 }],
        timers: [
          { timer: 'connection-idle', kind: 'absolute', minMs: 2000 },
          { timer: 'stream-idle', kind: 'share', minShare: 0.1 },
        ],
      },
    ],
  })
})

const action = (fields: string): string => `{ name: envoy.overload_actions.shrink_heap, ${fields} }`
const at = 'overload_manager'

test.each([
  [`{ name: envoy.overload_actions.reset_high_memory_stream, ${trigger} }`, `${at}.actions[0].name`],
  [`${action(trigger)}, ${action(trigger)}`, `${at}.actions[1].name`],
  [action('triggers: [ { name: other, threshold: { value: 0.9 } } ]'), `${at}.actions[0].triggers[0].name`],
  [action('triggers: [ { name: heap, threshold: { value: 1.5 } } ]'), `${at}.actions[0].triggers[0].threshold.value`],
  [
    action('triggers: [ { name: heap, scaled: { scaling_threshold: 0.9, saturation_threshold: 0.8 } } ]'),
    `${at}.actions[0].triggers[0].scaled`,
  ],
  [action('triggers: []'), `${at}.actions[0].triggers`],
  [`{ name: envoy.overload_actions.reduce_timeouts, ${trigger} }`, `${at}.actions[0].typed_config`],
  [
    `{ name: envoy.overload_actions.reduce_timeouts, ${trigger}, typed_config: { "@type": ${timers}, timer_scale_factors: [ { timer: TRANSPORT_SOCKET_CONNECT, min_timeout: 1s } ] } }`,
    `${at}.actions[0].typed_config.timer_scale_factors[0].timer`,
  ],
])('readBootstrap() refuses the action %s at %s', (actions, path) => {
  const bootstrap = read(actions)
  expect(bootstrap.ok ? [] : bootstrap.error.map((fault) => fault.path)).toContain(path)
})

test.each([
  [`loadshed_points: [ { name: x, ${trigger} } ]`, `${at}.loadshed_points`],
  ['buffer_factory_config: { minimum_account_to_track_power_of_two: 20 }', `${at}.buffer_factory_config`],
])('readBootstrap() refuses { %s }', (field, path) => {
  const bootstrap = read('', heap, `, ${field}`)
  expect(bootstrap.ok ? [] : bootstrap.error.map((fault) => fault.path)).toContain(path)
})
