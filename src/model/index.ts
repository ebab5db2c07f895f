/**
 * The mesh model: one frozen, typed picture of services, workloads, routes and policies.
 *
 * Dialects write it, the compiler reads it; it knows neither YAML nor xDS. Every implicit default of a dialect is
 * already an explicit value here, every host is fully qualified, every ordering rule is already a sorted list.
 * `undefined` means inherit or absent, never zero; `0` means disabled.
 */
export {
  type ConsistentHash,
  type DestinationPolicy,
  type HashKey,
  type LoadBalancer,
  type OutboundTls,
  type Subset,
  type OutlierDetection,
  type TrafficPolicy,
} from './destination.ts'
export { type Gateway } from './gateway.ts'
export { buildMesh, type Mesh, type MeshParts, type MeshSettings } from './mesh.ts'
export {
  type Fault,
  type Fraction,
  type HeaderMatch,
  type HeaderOperations,
  type HttpAction,
  type HttpMatch,
  type HttpRoute,
  type HttpRouteRule,
  type Leg,
  type PathMatch,
  type QueryMatch,
  type RetryPolicy,
  type Rewrite,
  type SourceMatch,
  type StringMatch,
  type TcpMatch,
  type TcpRouteRule,
} from './route.ts'
export { type Protocol, type Service, type ServicePort, type StaticEndpoint } from './service.ts'
export { type ProxyPlacement, type TcpUpstream, type Workload, type WorkloadPort } from './workload.ts'
