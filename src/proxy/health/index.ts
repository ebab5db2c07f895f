/**
 * Health of endpoints: as their own traffic shows it (`outlier/`, Envoy's outlier detection), and as they answer when they are asked
 * (`active/`, Envoy's health checks).
 *
 *     results of requests and connections -> HostMonitor -> OutlierDetector -> ejected, or back in balancing
 *     interval -> CheckSession -> Probe (HTTP/1.1, HTTP/2, gRPC, TCP) -> failed, or back in balancing
 *     discovery, monitor, session -> HostHealth: available, degraded, excluded
 *
 * State machines: clock and chance are handed in. `active/` dials by a function that is handed in, too. Knows no requests of clients and
 * no balancers; a cluster without detection or checks has no detector and no session.
 */
export { CheckSession, type CheckTransition } from './active/check-session.ts'
export { type CheckStats, createCheckStats } from './active/check-stats.ts'
export { createProbe } from './active/create-probe.ts'
export { type ProbeDial } from './active/probe.ts'
export { HostHealth } from './host-health.ts'
export { type HostMonitor } from './outlier/host-monitor.ts'
export { type OutlierStats, OutlierDetector } from './outlier/outlier-detector.ts'
export { createOutlierStats } from './outlier/outlier-stats.ts'
