/** What protects a proxy whose bootstrap has no `overload_manager`, and bounds of the manager itself. */
export const OverloadLimits = {
  /** From one reading of the monitors to the next without configuration, ms; Envoy reads every second. */
  defaultRefreshMs: 250,
  /** Standing delay of the event loop that counts as a pressure of 1 without configuration, ms. */
  defaultEventLoopDelayMs: 1000,
  /** Most bytes of an injected pressure's file that are read. */
  injectedFileBytes: 64,
  /** From one giving back of memory to the next while `shrink_heap` is saturated, ms, as in Envoy. */
  shrinkIntervalMs: 10_000,
} as const
