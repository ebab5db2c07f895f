import type { LimitsPlan } from '../../plan.ts'
import type { ClusterPolicy } from '../cluster-policy.ts'

/**
 * Bounds of a cluster's pools when no policy names them. Istio has none; Envoy's own 1,024 connections and 3 retries at a
 * time fail healthy traffic when an endpoint dies under load.
 */
export const defaultLimits: LimitsPlan = {
  maxConnections: 16_384,
  maxPendingRequests: 16_384,
  maxRequests: 16_384,
  maxRetries: 1_024,
}

/** Time to connect when no policy says one: Istio's default, milliseconds. */
export const defaultConnectTimeoutMs = 10_000

/** Connection pools: timeouts, bounds, keep-alive. */
export const connectionLimitsPolicy: ClusterPolicy = {
  name: 'connection-limits',
  apply(plan, { policy }) {
    if (policy === undefined) return
    plan.connectTimeoutMs = policy.connectTimeoutMs ?? defaultConnectTimeoutMs
    plan.limits = {
      maxConnections: policy.maxConnections ?? defaultLimits.maxConnections,
      maxPendingRequests: policy.maxPendingRequests ?? defaultLimits.maxPendingRequests,
      maxRequests: policy.maxRequests ?? defaultLimits.maxRequests,
      maxRetries: policy.maxRetries ?? defaultLimits.maxRetries,
    }
    plan.httpIdleTimeoutMs = policy.httpIdleTimeoutMs
    plan.maxRequestsPerConnection = policy.maxRequestsPerConnection
    plan.tcpKeepalive = policy.tcpKeepalive
  },
}
