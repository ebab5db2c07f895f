import { systemAlarm, systemClock, TimerWheel } from '../base/index.ts'
import { createSocketBudget, type Resolver } from '../net/index.ts'
import type { EdgeLabels, EdgeSeries, Telemetry } from '../telemetry/index.ts'
import type { ClusterServices } from './cluster/index.ts'
import {
  anyConnection,
  type ClusterConfig,
  type EndpointConfig,
  type FilterChain,
  type HealthCheckConfig,
  type HttpManagerConfig,
  type HttpProbeConfig,
  type ListenerConfig,
  type OutlierConfig,
  type TcpProxyConfig,
  type UdpProxyConfig,
} from './config/index.ts'
import { defaultLimits } from './limits.ts'
import { createSecretTable, createTlsMaterial, type SecretTable } from './tls/index.ts'

/** A healthy endpoint on loopback (tests only). */
export function testEndpoint(port: number, overrides: Partial<EndpointConfig> = {}): EndpointConfig {
  return {
    address: '127.0.0.1',
    port,
    weight: 1,
    health: 'healthy',
    transportLabels: new Map(),
    workload: undefined,
    ...overrides,
  }
}

/** A static plain-text cluster with round robin (tests only). */
export function testCluster(name: string, overrides: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name,
    discovery: 'static',
    edsName: name,
    endpoints: [],
    connectTimeoutMs: 2000,
    balancer: { kind: 'round-robin' },
    transportMatches: [],
    tls: undefined,
    limits: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
    idleTimeoutMs: 3_600_000,
    maxRequestsPerConnection: 0,
    tcpKeepalive: undefined,
    dnsRefreshMs: 5000,
    destination: undefined,
    ...overrides,
  }
}

/** Outlier detection with Envoy's defaults (tests only). */
export function testOutlierConfig(overrides: Partial<OutlierConfig> = {}): OutlierConfig {
  return {
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    maxEjectionJitterMs: 0,
    maxEjectionPercent: 10,
    alwaysEjectOneHost: false,
    splitLocalOrigin: false,
    consecutive5xx: 5,
    consecutiveGatewayFailure: 5,
    consecutiveLocalOriginFailure: 5,
    successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 1900 },
    failurePercentage: { threshold: 85, minimumHosts: 5, requestVolume: 50 },
    enforcing: {
      consecutive_5xx: 100,
      consecutive_gateway_failure: 0,
      consecutive_local_origin_failure: 100,
      success_rate: 100,
      local_origin_success_rate: 100,
      failure_percentage: 0,
      local_origin_failure_percentage: 0,
    },
    ...overrides,
  }
}

/** A health check with Envoy's defaults, of connections only, once a second (tests only). */
export function testHealthCheck(overrides: Partial<HealthCheckConfig> = {}): HealthCheckConfig {
  return {
    timeoutMs: 1000,
    intervalMs: 1000,
    initialJitterMs: 0,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    unhealthyThreshold: 2,
    healthyThreshold: 2,
    reuseConnection: true,
    noTrafficIntervalMs: 1000,
    noTrafficHealthyIntervalMs: 1000,
    unhealthyIntervalMs: 1000,
    unhealthyEdgeIntervalMs: 1000,
    healthyEdgeIntervalMs: 1000,
    alpn: [],
    probe: { kind: 'tcp', send: new Uint8Array(), receive: [] },
    ...overrides,
  }
}

/** An HTTP check of `/health` (tests only). */
export function testHttpProbe(overrides: Partial<HttpProbeConfig> = {}): HttpProbeConfig {
  return {
    kind: 'http',
    http2: false,
    host: '',
    path: '/health',
    method: 'GET',
    headers: undefined,
    send: new Uint8Array(),
    receive: [],
    responseBufferBytes: 1024,
    expectedStatuses: [{ start: 200, end: 201 }],
    retriableStatuses: [],
    serviceName: undefined,
    ...overrides,
  }
}

/** A TCP proxy to one cluster (tests only). */
export function testTcpProxy(cluster: string, overrides: Partial<TcpProxyConfig> = {}): TcpProxyConfig {
  return {
    kind: 'tcp',
    statPrefix: 'test',
    clusters: [{ name: cluster, weight: 1 }],
    idleTimeoutMs: 3_600_000,
    maxConnectAttempts: 1,
    accessLogs: [],
    ...overrides,
  }
}

/** An HTTP connection manager on route table `r` (tests only). */
export function testHttpManager(overrides: Partial<HttpManagerConfig> = {}): HttpManagerConfig {
  return {
    kind: 'http',
    statPrefix: 'test',
    routes: { kind: 'rds', name: 'r' },
    serverName: 'envoy',
    idleTimeoutMs: 3_600_000,
    requestTimeoutMs: 300_000,
    requestHeadersTimeoutMs: 10_000,
    streamIdleTimeoutMs: 300_000,
    maxRequestHeadersBytes: 61_440,
    maxHeadersCount: 100,
    maxRequestsPerConnection: 0,
    useRemoteAddress: false,
    xffTrustedHops: 0,
    generateRequestId: true,
    normalizePath: true,
    mergeSlashes: false,
    escapedSlashes: 'keep',
    underscoreHeaders: 'allow',
    forwardClientCert: 'sanitize',
    filters: [],
    accessLogs: [],
    upgrades: [],
    ...overrides,
  }
}

/** A plain chain that matches everything (tests only). */
export function testChain(network: FilterChain['network'], overrides: Partial<FilterChain> = {}): FilterChain {
  return {
    name: '',
    match: anyConnection,
    tls: undefined,
    network,
    ...overrides,
  }
}

/** A TCP listener on an ephemeral loopback port (tests only). */
export function testListener(
  name: string,
  chains: readonly FilterChain[],
  overrides: Partial<ListenerConfig> = {},
): ListenerConfig {
  return {
    name,
    address: '127.0.0.1',
    port: 0,
    protocol: 'tcp',
    direction: 'outbound',
    originalDestination: false,
    inspectors: [],
    inspectionTimeoutMs: 15_000,
    continueOnInspectionTimeout: false,
    filterChains: chains,
    defaultFilterChain: undefined,
    dns: undefined,
    accessLogs: [],
    socketKey: '127.0.0.1:0',
    ...overrides,
  }
}

/** A UDP listener on an ephemeral loopback port whose datagrams go to one cluster (tests only). */
export function testUdpListener(
  name: string,
  cluster: string,
  overrides: Partial<UdpProxyConfig> = {},
  listener: Partial<ListenerConfig> = {},
): ListenerConfig {
  const udp: UdpProxyConfig = {
    statPrefix: 'test',
    cluster,
    idleTimeoutMs: 60_000,
    hashPolicy: undefined,
    usePerPacketLoadBalancing: false,
    maxReceivedBytes: 1500,
    maxUpstreamReceivedBytes: 65_535,
    accessLogs: [],
    ...overrides,
  }
  return testListener(name, [], { protocol: 'udp', socketKey: 'udp|127.0.0.1|0', udp, ...listener })
}

/** What a fake telemetry saw of one edge. */
export interface FakeEdge {
  readonly labels: EdgeLabels
  opened: number
  closed: number
  sent: number
  received: number
  flags: number
}

/** Telemetry that keeps everything where a test can read it. */
export interface FakeTelemetry extends Telemetry {
  readonly edges: FakeEdge[]
  readonly values: Map<string, { value: number }>
}

/** Makes one (tests only). */
export function createFakeTelemetry(): FakeTelemetry {
  const edges: FakeEdge[] = []
  const values = new Map<string, { value: number }>()
  const value = (name: string): { value: number } => {
    const known = values.get(name) ?? { value: 0 }
    values.set(name, known)
    return known
  }
  return {
    edges,
    values,
    counter: value,
    gauge: value,
    expose: () => '',
    edge(labels): EdgeSeries {
      const edge: FakeEdge = { labels, opened: 0, closed: 0, sent: 0, received: 0, flags: 0 }
      edges.push(edge)
      return {
        recordRequest: () => undefined,
        recordMessages: () => undefined,
        tcpOpened: () => {
          edge.opened += 1
        },
        tcpClosed: (flags) => {
          edge.closed += 1
          edge.flags |= flags
        },
        tcpBytes: (sent, received) => {
          edge.sent += sent
          edge.received += received
        },
      }
    },
  }
}

/** Services for clusters on their own (tests only). */
export function createTestClusterServices(
  overrides: Partial<ClusterServices> = {},
): ClusterServices & { readonly secrets: SecretTable } {
  const secrets = createSecretTable()
  const resolver: Resolver = { resolve: (name) => Promise.resolve([name]) }
  return {
    secrets,
    tls: createTlsMaterial(secrets),
    budget: createSocketBudget({ fileDescriptors: 1024 }),
    resolver,
    setKeepalive: () => true,
    telemetry: createFakeTelemetry(),
    timers: new TimerWheel({ clock: systemClock, alarm: systemAlarm }),
    clock: systemClock,
    limits: defaultLimits,
    random: Math.random,
    isOwnListener: () => false,
    ...overrides,
  }
}
