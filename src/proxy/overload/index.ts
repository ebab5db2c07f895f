/**
 * The overload manager (Envoy's `overload_manager`): reads the pressure of resources (memory, delay of the event loop, a file), and takes
 * actions in Envoy's order, from shorter idle times to closed doors.
 *
 *     alarm -> monitors -> triggers -> actions -> OverloadState -> read by http/ and listener/
 *
 * Knows no socket and no request: the data path reads `OverloadState`, the composition closes listeners.
 */
export { defaultOverload, memoryLimitBytes } from './default-overload.ts'
export { createOverloadManager, type OverloadManager, type OverloadManagerOptions } from './overload-manager.ts'
export { calmOverloadState, isTaken, type OverloadState, scaledTimeoutMs, type TimeoutScale } from './overload-state.ts'
export { type ResourceReaders, systemReaders } from './resource-monitor.ts'
