/**
 * Health of endpoints as their own traffic shows it (passive health checking, Envoy's outlier detection).
 *
 *     results of requests and connections -> HostMonitor -> OutlierDetector -> ejected, or back in balancing
 *
 * Pure state machines: the clock and chance are handed in, and somebody else calls `onInterval`. Knows no sockets, no
 * requests and no balancers; a cluster without outlier detection has no detector and no monitor.
 */
export { type HostMonitor } from './outlier/host-monitor.ts'
export { type OutlierStats, OutlierDetector } from './outlier/outlier-detector.ts'
export { createOutlierStats } from './outlier/outlier-stats.ts'
