import type { FieldRule } from './supported-fields.ts'

/**
 * The overload manager of a bootstrap. Not implemented and therefore refused: load shed points, buffer accounts
 * (`reset_high_memory_stream`), and scaling the time of TLS handshakes, which is bounded by 10 s in any case.
 */
export const overloadFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  [
    'envoy.config.overload.v3.OverloadManager',
    { refresh_interval: 'honoured', resource_monitors: 'honoured', actions: 'honoured' },
  ],
  ['envoy.config.overload.v3.ResourceMonitor', { name: 'honoured', typed_config: 'honoured' }],
  ['envoy.config.overload.v3.OverloadAction', { name: 'honoured', triggers: 'honoured', typed_config: 'honoured' }],
  ['envoy.config.overload.v3.Trigger', { name: 'honoured', threshold: 'honoured', scaled: 'honoured' }],
  ['envoy.config.overload.v3.ThresholdTrigger', { value: 'honoured' }],
  ['envoy.config.overload.v3.ScaledTrigger', { scaling_threshold: 'honoured', saturation_threshold: 'honoured' }],
  ['envoy.config.overload.v3.ScaleTimersOverloadActionConfig', { timer_scale_factors: 'honoured' }],
  [
    'envoy.config.overload.v3.ScaleTimersOverloadActionConfig.ScaleTimer',
    {
      timer: { only: ['UNSPECIFIED', 'HTTP_DOWNSTREAM_CONNECTION_IDLE', 'HTTP_DOWNSTREAM_STREAM_IDLE'] },
      min_timeout: 'honoured',
      min_scale: 'honoured',
    },
  ],
  ['envoy.type.v3.Percent', { value: 'honoured' }],
  ['envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', { max_heap_size_bytes: 'honoured' }],
  [
    'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
    { max_active_downstream_connections: 'honoured' },
  ],
  ['envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig', { filename: 'honoured' }],
  ['weft.resource_monitors.event_loop_delay.v3.EventLoopDelayConfig', { max_delay: 'honoured' }],
]
