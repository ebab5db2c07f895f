/**
 * Clusters at run time: endpoints, balancing, connection pools and circuit breakers. Knows no HTTP.
 *
 *     config (CDS) + endpoints (EDS, DNS, static, original destination) -> Cluster -> EndpointPool -> connections
 *
 * Runtimes outlive updates: a cluster keeps its counters when its configuration is swapped, an endpoint keeps its pool
 * when its address stays. A cluster whose secrets are missing is unreachable, never plain text.
 */
export { type ClusterDescription, type ClusterSet, createClusterSet } from './cluster-set.ts'
export { type ClusterServices } from './cluster-services.ts'
export {
  type ClusterRuntime,
  type ClusterStats,
  type ConnectExtras,
  type ConnectOutcome,
  type ConveyedEnds,
  type EndpointRuntime,
  type PreviousHosts,
  type SentRequest,
} from './contract.ts'
export { type UdpRefusal, type UdpSessionOwner, type UdpSessions } from './udp-sessions.ts'
export { type MultiplexedConnection, type MultiplexedOwner } from './multiplexed-connection.ts'
export { type PendingRequest, PendingTicket } from './pending-queue.ts'
export { allowsRetry } from './retry-budget.ts'
