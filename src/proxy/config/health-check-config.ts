import type { HeaderEdits, StringMatch } from '../route/index.ts'

/** `envoy.config.core.v3.HealthCheck`, compiled. */
export interface HealthCheckConfig {
  /** For one check, from dialling to its result. */
  readonly timeoutMs: number
  /** From check to check of a healthy endpoint. */
  readonly intervalMs: number
  /** The first check waits for a random time up to this; 0 by default. */
  readonly initialJitterMs: number
  /** Random addition to each interval: up to this, and up to so many percent of the interval; 0 by default. */
  readonly intervalJitterMs: number
  readonly intervalJitterPercent: number
  /** Failures in a row that make an endpoint unhealthy, where one does not suffice. */
  readonly unhealthyThreshold: number
  /** Successes in a row that make it healthy again. */
  readonly healthyThreshold: number
  /** True by default: one connection serves all checks of an endpoint. */
  readonly reuseConnection: boolean
  /** While the cluster never had a connection; 60 s by default. */
  readonly noTrafficIntervalMs: number
  /** The same for healthy endpoints; `noTrafficIntervalMs` by default. */
  readonly noTrafficHealthyIntervalMs: number
  /** Of an unhealthy endpoint; `intervalMs` by default. */
  readonly unhealthyIntervalMs: number
  /** After a failure that does not make unhealthy yet; `unhealthyIntervalMs` by default. */
  readonly unhealthyEdgeIntervalMs: number
  /** After a success that does not make healthy yet; `intervalMs` by default. */
  readonly healthyEdgeIntervalMs: number
  /** `tls_options.alpn_protocols`; empty: what the transport socket says. */
  readonly alpn: readonly string[]
  readonly probe: HttpProbeConfig | TcpProbeConfig | GrpcProbeConfig
}

/** `http_health_check`. */
export interface HttpProbeConfig {
  readonly kind: 'http'
  readonly http2: boolean
  /** Empty: the name of the cluster. The endpoint's own `health_check_config.hostname` stands before it. */
  readonly host: string
  readonly path: string
  /** GET by default. */
  readonly method: string
  readonly headers: HeaderEdits | undefined
  /** Body of the request; empty: none. */
  readonly send: Uint8Array
  /** Blocks that the body must hold in this order; empty: anything will do. */
  readonly receive: readonly Uint8Array[]
  /** How much of a body is looked at; 1,024 by default, 0 is no bound of its own. */
  readonly responseBufferBytes: number
  /** 200 by default. */
  readonly expectedStatuses: readonly StatusRange[]
  /** Failures that count towards `unhealthyThreshold`; all others make unhealthy at once. */
  readonly retriableStatuses: readonly StatusRange[]
  /** What `x-envoy-upstream-healthchecked-cluster` must be. */
  readonly serviceName: StringMatch | undefined
}

/** `tcp_health_check`. */
export interface TcpProbeConfig {
  readonly kind: 'tcp'
  /** Empty: nothing is sent. */
  readonly send: Uint8Array
  /** Empty: being connected suffices, and nothing is sent either (as in Envoy). */
  readonly receive: readonly Uint8Array[]
}

/** `grpc_health_check`: `grpc.health.v1.Health/Check` over HTTP/2. */
export interface GrpcProbeConfig {
  readonly kind: 'grpc'
  readonly service: string
  /** Empty: the name of the cluster. The endpoint's own `health_check_config.hostname` stands before it. */
  readonly authority: string
  readonly metadata: HeaderEdits | undefined
}

/** HTTP statuses from `start` to `end`, which is no part of it. */
export interface StatusRange {
  readonly start: number
  readonly end: number
}

/** `health_check_config` of an endpoint. */
export interface EndpointCheckConfig {
  /** Where checks go instead of the endpoint's own address; empty: there. */
  readonly address: string
  /** 0: the endpoint's own port. */
  readonly port: number
  /** Empty: what the check's configuration says. */
  readonly hostname: string
  /** It is not checked, and counts as passing. */
  readonly disabled: boolean
}
