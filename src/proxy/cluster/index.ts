/** Clusters at run time: endpoints, balancing, connection pools and circuit breakers. Knows no HTTP. */
export { type ClusterRuntime, type ClusterStats, type ConnectOutcome, type EndpointRuntime } from './contract.ts'
