/** `overload_manager` of a bootstrap, compiled. */
export interface OverloadConfig {
  /** `refresh_interval`; 1 s by default, as in Envoy. */
  readonly refreshMs: number
  readonly monitors: readonly OverloadMonitorConfig[]
  /** `envoy.resource_monitors.global_downstream_max_connections`; absent: the cap that the file descriptors allow. */
  readonly maxDownstreamConnections: number | undefined
  readonly actions: readonly OverloadActionConfig[]
}

/** What is watched; `name` is what triggers call it by. */
export type OverloadMonitorConfig = { readonly name: string } & (
  | { readonly kind: 'fixed-heap'; readonly maxBytes: number }
  /** Weft's own: standing delay of the event loop over `maxMs`. */
  | { readonly kind: 'event-loop-delay'; readonly maxMs: number }
  /** A file that holds the pressure, 0 to 1: for tests and drills. */
  | { readonly kind: 'injected'; readonly filename: string }
)

/** Names of the actions, without `envoy.overload_actions.`. */
export const overloadActionNames = [
  'reduce_timeouts',
  'disable_http_keepalive',
  'stop_accepting_requests',
  'stop_accepting_connections',
  'reject_incoming_connections',
  'shrink_heap',
] as const

/** One of {@link overloadActionNames}. */
export type OverloadActionName = (typeof overloadActionNames)[number]

/** What is done, and when. */
export interface OverloadActionConfig {
  readonly name: OverloadActionName
  readonly triggers: readonly OverloadTrigger[]
  /** `ScaleTimersOverloadActionConfig` of `reduce_timeouts`, empty otherwise. */
  readonly timers: readonly ScaledTimer[]
}

/**
 * When an action is taken: at a pressure of `saturatedAt` fully, and between `scalesAbove` and there by its share. A threshold trigger
 * has both at the same pressure.
 */
export interface OverloadTrigger {
  /** Name of the monitor. */
  readonly monitor: string
  readonly scalesAbove: number
  readonly saturatedAt: number
  readonly kind: 'threshold' | 'scaled'
}

/** How far a timer shrinks: to `minMs`, or to `minShare` of its length (0 to 1). */
export type ScaledTimer = { readonly timer: 'connection-idle' | 'stream-idle' } & (
  { readonly kind: 'absolute'; readonly minMs: number } | { readonly kind: 'share'; readonly minShare: number }
)
