/**
 * Envoy v3 resources in, immutable lookup structures out (pure).
 *
 *     bytes -> generated message -> support check (every set field must be one Weft implements) -> compiled config
 *
 * A field that is set and not implemented is a FieldFault with its path, never ignored. Knows nothing of sockets.
 */
export { anyTypes } from './any-types.ts'
export { readBootstrap, type AdsConfig, type BootstrapConfig } from './bootstrap.ts'
export { type CompileOptions } from './compile-context.ts'
export { compileRouteConfiguration } from './compile-routes.ts'
export { decodeResource, type DecodedResource } from './decode-resource.ts'
export { type AccessLogConfig } from './access-log-config.ts'
export {
  type BalancerConfig,
  type LeastRequestConfig,
  type LocalityConfig,
  type PeakEwmaConfig,
  type SlowStartConfig,
  type SpreadConfig,
  type SubsetConfig,
  type SubsetSelector,
} from './balancing-config.ts'
export {
  type CircuitBreakerLimits,
  type ClusterConfig,
  type EndpointConfig,
  type EndpointPolicy,
  type EndpointsConfig,
  type TransportMatch,
  type UpstreamProtocol,
  type WorkloadIdentity,
} from './cluster-config.ts'
export { localityName } from './metadata-values.ts'
export { type FieldFault } from './field-fault.ts'
export {
  type EndpointCheckConfig,
  type GrpcProbeConfig,
  type HealthCheckConfig,
  type HttpProbeConfig,
  type StatusRange,
  type TcpProbeConfig,
} from './health-check-config.ts'
export { defaultHttp2Config, type Http2Config } from './http2-config.ts'
export { type EjectionKind, type OutlierConfig } from './outlier-config.ts'
export {
  type AddressPrefix,
  anyConnection,
  type DnsTable,
  type ConnectionLimitConfig,
  type FilterChain,
  type FilterChainMatch,
  type GrpcStatsConfig,
  type HealthFilterConfig,
  type HttpFilterConfig,
  type HttpManagerConfig,
  type ListenerConfig,
  type ListenerInspector,
  type NetworkRbacConfig,
  type TcpProxyConfig,
  type TcpTarget,
} from './listener-config.ts'
export { type UdpProxyConfig } from './udp-proxy-config.ts'
export {
  type ClientTlsConfig,
  type Secret,
  type SecretRef,
  type ServerTlsConfig,
  type SubjectAltNameMatch,
  type TlsCertificate,
  type TlsParams,
  type ValidationContext,
} from './tls-config.ts'
export { describeBootstrap } from './describe-bootstrap.ts'
export {
  type OverloadActionConfig,
  type OverloadActionName,
  overloadActionNames,
  type OverloadConfig,
  type OverloadMonitorConfig,
  type OverloadTrigger,
  type ScaledTimer,
} from './overload-config.ts'
