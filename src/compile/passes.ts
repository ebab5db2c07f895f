/**
 * The order of passes, all of it. Each pass adds its own facts to the plan; a later one may read what an earlier one
 * wrote (headers read the host that rewrite chose), never the other way.
 */
import { balancingPolicy } from './policies/balancing/balancing.ts'
import type { ClusterPolicy } from './policies/cluster-policy.ts'
import { connectionLimitsPolicy } from './policies/connection-limits/connection-limits.ts'
import { directResponsePolicy } from './policies/direct-response/direct-response.ts'
import { discoveryPolicy } from './policies/discovery/discovery.ts'
import { faultPolicy } from './policies/fault/fault.ts'
import { hashKeysPolicy } from './policies/hash-keys/hash-keys.ts'
import { headersPolicy } from './policies/headers/headers.ts'
import { outlierDetectionPolicy } from './policies/outlier-detection/outlier-detection.ts'
import { redirectPolicy } from './policies/redirect/redirect.ts'
import { retryPolicy } from './policies/retry/retry.ts'
import { rewritePolicy } from './policies/rewrite/rewrite.ts'
import { routeMatchPolicy } from './policies/route-match/route-match.ts'
import type { RoutePolicy } from './policies/route-policy.ts'
import { splitPolicy } from './policies/split/split.ts'
import { timeoutPolicy } from './policies/timeout/timeout.ts'
import { tlsPolicy } from './policies/tls/tls.ts'

/** Passes over each route of each virtual host. */
export const routePasses: readonly RoutePolicy[] = [
  routeMatchPolicy,
  splitPolicy,
  redirectPolicy,
  directResponsePolicy,
  rewritePolicy,
  headersPolicy,
  timeoutPolicy,
  retryPolicy,
  faultPolicy,
  hashKeysPolicy,
]

/** Passes over each outbound cluster. */
export const clusterPasses: readonly ClusterPolicy[] = [
  discoveryPolicy,
  balancingPolicy,
  connectionLimitsPolicy,
  outlierDetectionPolicy,
  tlsPolicy,
]
