import { type ConnectResult, connectWithPreface, createConnector } from '../../net/index.ts'
import { writeProxyHeader } from '../../wire/proxy-protocol/index.ts'
import type { ClusterConfig, EndpointConfig, HealthCheckConfig } from '../config/index.ts'
import type { ProbeDial } from '../health/index.ts'
import type { ClusterServices } from './cluster-services.ts'
import { endpointTransport, transportOf } from './transport.ts'

/** What dialling for checks takes. */
export interface CheckDialerOptions {
  readonly check: HealthCheckConfig
  readonly services: ClusterServices
  /** The cluster's, as it is at each check. */
  readonly cluster: () => ClusterConfig
  /** The endpoint's, as it is now: where it is checked does not change later. */
  readonly endpoint: EndpointConfig
}

/**
 * Dials for the checks of one endpoint: with the transport socket of its traffic, to its own address or the one that its `health_check_config` names.
 * These connections count for the process's descriptors, not for the cluster's limits and counters.
 */
export function createCheckDialer(options: CheckDialerOptions): ProbeDial {
  const { check, services, cluster, endpoint } = options
  const own = endpoint.healthCheck
  const address = own === undefined || own.address === '' ? endpoint.address : own.address
  const port = own === undefined || own.port === 0 ? endpoint.port : own.port
  const connector = createConnector({
    target: address.startsWith('/') ? { kind: 'pipe', path: address } : { kind: 'tcp', address, port },
    connectTimeoutMs: check.timeoutMs,
    keepalive: undefined,
    setKeepalive: services.setKeepalive,
    onReleased: () => undefined,
    onDescriptorFree: () => services.budget.giveUpstream(),
  })
  return (owner, done) => {
    const { tls: config, proxyProtocol } = endpointTransport(cluster(), endpoint)
    const material = config === undefined ? undefined : services.tls.client(config)
    if (material?.ok === false || !services.budget.takeUpstream()) return undefined
    const tls = material === undefined ? undefined : { ...material.value, alpn: alpnOf(check, material.value.alpn) }
    const onResult = (result: ConnectResult): void => done(result.kind === 'connected' ? result.socket : undefined)
    if (proxyProtocol === undefined) return connector.connect(tls, owner, onResult)
    // A check speaks for nobody but this proxy.
    const preface = writeProxyHeader({ version: proxyProtocol, ends: undefined })
    return connectWithPreface(connector, { preface, tls }, { owner, done: onResult })
  }
}

/** What the check names, else what the transport socket names, else what the check speaks: a server of both versions must be told. */
function alpnOf({ alpn, probe }: HealthCheckConfig, own: readonly string[]): readonly string[] {
  if (alpn.length > 0) return alpn
  if (own.length > 0 || probe.kind === 'tcp') return own
  return probe.kind === 'grpc' || probe.http2 ? ['h2'] : []
}

/** True when the endpoint is spoken to over TLS. */
export function isSecure(cluster: ClusterConfig, endpoint: EndpointConfig): boolean {
  return transportOf(cluster, endpoint) !== undefined
}
