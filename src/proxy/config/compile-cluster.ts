import type { Result } from '../../base/index.ts'
import {
  Cluster_DiscoveryType,
  ClusterSchema,
  type Cluster,
} from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from '../../xds/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { unpackAny } from './any-types.ts'
import type { ClusterConfig, TransportMatch } from './cluster-config.ts'
import { compileBalancing } from './compile-balancing.ts'
import { compileCircuitBreakers } from './compile-circuit-breakers.ts'
import { createCompileContext, type CompileContext, type CompileOptions } from './compile-context.ts'
import { endpointList, endpointPolicy } from './compile-endpoints.ts'
import { compileHealthChecks } from './compile-health-check.ts'
import { compileHttp2 } from './compile-http2.ts'
import { compileOutlierDetection } from './compile-outlier.ts'
import { compileUpstreamTransport } from './compile-upstream-transport.ts'
import { requireAds } from './config-source.ts'
import { keyPath } from './fault-list.ts'
import type { FieldFault } from './field-fault.ts'
import { boundedInteger, durationMs, requiredText } from './field-values.ts'
import { destinationOf, multiplexes, stringMap } from './metadata-values.ts'
import { checkSupport } from './support-check.ts'
import { supportedControlFields, supportedFields } from './supported-fields.ts'

/** Key of `typed_extension_protocol_options` for HTTP. */
const httpOptionsKey = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

const hourMs = 3_600_000

/** Compiles a `Cluster`. */
export function compileCluster(
  message: Cluster,
  options?: CompileOptions,
): Result<ClusterConfig, readonly FieldFault[]> {
  const context = createCompileContext(options)
  const table = options?.controlChannel === true ? supportedControlFields : supportedFields
  checkSupport(ClusterSchema, message, { table, faults: context.faults })
  const discovery = discoveryOf(context, message)
  return context.faults.finish({
    name: requiredText(context, 'name', message.name),
    discovery,
    edsName: message.edsClusterConfig?.serviceName || message.name,
    endpoints: endpointsOf(context, message, discovery),
    connectTimeoutMs: connectTimeout(context, message),
    ...compileBalancing(context, message, discovery),
    ...assignmentPolicy(context, message),
    transportMatches: transportMatches(context, message),
    ...compileUpstreamTransport(context, 'transport_socket', message.transportSocket),
    limits: compileCircuitBreakers(context, message.circuitBreakers),
    ...httpOptions(context, message),
    tcpKeepalive: keepalive(context, message),
    dnsRefreshMs: dnsRefresh(context, message),
    ...outlierDetection(context, message, discovery),
    ...compileHealthChecks(context, message, discovery),
    destination: destinationOf(message.metadata),
  })
}

const discoveryTypes: ReadonlyMap<Cluster_DiscoveryType, ClusterConfig['discovery']> = new Map([
  [Cluster_DiscoveryType.STATIC, 'static'],
  [Cluster_DiscoveryType.STRICT_DNS, 'strict-dns'],
  [Cluster_DiscoveryType.LOGICAL_DNS, 'logical-dns'],
  [Cluster_DiscoveryType.EDS, 'eds'],
  [Cluster_DiscoveryType.ORIGINAL_DST, 'original-dst'],
])

function discoveryOf(context: CompileContext, message: Cluster): ClusterConfig['discovery'] {
  const type = message.clusterDiscoveryType
  const discovery = discoveryTypes.get(type.case === 'type' ? type.value : Cluster_DiscoveryType.STATIC)
  if (discovery === undefined)
    context.faults.add('type', 'Expected STATIC, STRICT_DNS, LOGICAL_DNS, EDS or ORIGINAL_DST')
  if (discovery === 'eds') requireAds(context, 'eds_cluster_config.eds_config', message.edsClusterConfig?.edsConfig)
  else if (message.edsClusterConfig !== undefined)
    context.faults.add('eds_cluster_config', 'Expected with type EDS only')
  return discovery ?? 'static'
}

function endpointsOf(
  context: CompileContext,
  message: Cluster,
  discovery: ClusterConfig['discovery'],
): ClusterConfig['endpoints'] {
  if (discovery === 'eds' || discovery === 'original-dst') {
    if (message.loadAssignment !== undefined)
      context.faults.add('load_assignment', `Expected none with type ${discovery}`)
    return []
  }
  const byName = discovery === 'strict-dns' || discovery === 'logical-dns'
  const endpoints = endpointList(context, 'load_assignment', {
    message: message.loadAssignment,
    kinds: byName ? 'host-name' : 'ip-or-pipe',
  })
  if (discovery === 'logical-dns' && endpoints.length !== 1) {
    context.faults.add('load_assignment.endpoints', `Expected one endpoint with LOGICAL_DNS, got ${endpoints.length}`)
  }
  return endpoints
}

function assignmentPolicy(context: CompileContext, message: Cluster): Pick<ClusterConfig, 'endpointPolicy'> {
  const { policy } = endpointPolicy(context, 'load_assignment.policy', message.loadAssignment?.policy)
  return policy === undefined ? {} : { endpointPolicy: policy }
}

function connectTimeout(context: CompileContext, message: Cluster): number {
  const timeoutMs = durationMs(context, 'connect_timeout', { value: message.connectTimeout, absent: 5000 })
  if (timeoutMs === 0) context.faults.add('connect_timeout', 'Expected a duration above 0s')
  return timeoutMs
}

function transportMatches(context: CompileContext, message: Cluster): readonly TransportMatch[] {
  return message.transportSocketMatches.map((entry, index) => {
    const path = `transport_socket_matches[${index}]`
    return {
      name: requiredText(context, `${path}.name`, entry.name),
      match: stringMap(entry.match),
      ...compileUpstreamTransport(context, `${path}.transport_socket`, entry.transportSocket),
    }
  })
}

function outlierDetection(
  context: CompileContext,
  message: Cluster,
  discovery: ClusterConfig['discovery'],
): Pick<ClusterConfig, 'outlierDetection'> {
  const config = compileOutlierDetection(context, message.outlierDetection)
  if (config === undefined) return {}
  // Who is dialled is not ours to choose: nothing could be left out.
  if (discovery === 'original-dst') context.faults.add('outlier_detection', 'Expected none with type ORIGINAL_DST')
  if (context.options.controlChannel === true)
    context.faults.add('outlier_detection', "Not implemented for the proxy's own gRPC channels")
  return { outlierDetection: config }
}

function httpOptions(
  context: CompileContext,
  message: Cluster,
): Pick<ClusterConfig, 'http2' | 'idleTimeoutMs' | 'maxRequestsPerConnection' | 'multiplex' | 'protocol'> {
  const options = message.typedExtensionProtocolOptions
  for (const key of Object.keys(options)) {
    if (key !== httpOptionsKey) {
      context.faults.add(keyPath('typed_extension_protocol_options', key), `Expected only the key ${httpOptionsKey}`)
    }
  }
  const at = keyPath('typed_extension_protocol_options', httpOptionsKey)
  const any = Object.hasOwn(options, httpOptionsKey) ? options[httpOptionsKey] : undefined
  const http = unpackAny(any, HttpProtocolOptionsSchema)
  if (any !== undefined && http === undefined) context.faults.add(at, 'Expected an HttpProtocolOptions')
  if (http !== undefined && http.upstreamProtocolOptions.case === undefined) {
    context.faults.add(at, 'Expected explicit_http_config, use_downstream_protocol_config or auto_config')
  }
  const common = http?.commonHttpProtocolOptions
  const commonPath = `${at}.common_http_protocol_options`
  if (common?.maxHeadersCount !== undefined) {
    context.faults.add(`${commonPath}.max_headers_count`, 'Not implemented by this proxy for clusters')
  }
  if (common?.maxConnectionDuration !== undefined) {
    context.faults.add(`${commonPath}.max_connection_duration`, 'Not implemented by this proxy for clusters')
  }
  if (common?.maxStreamDuration !== undefined) {
    context.faults.add(`${commonPath}.max_stream_duration`, 'Not implemented by this proxy for clusters')
  }
  if ((common?.headersWithUnderscoresAction ?? 0) !== 0) {
    context.faults.add(`${commonPath}.headers_with_underscores_action`, 'Not implemented by this proxy for clusters')
  }
  return {
    ...protocolOf(context, at, http, message.metadata),
    idleTimeoutMs: durationMs(context, `${commonPath}.idle_timeout`, { value: common?.idleTimeout, absent: hourMs }),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
  }
}

/** Which version of HTTP endpoints are spoken to in. */
function protocolOf(
  context: CompileContext,
  path: string,
  message: HttpProtocolOptions | undefined,
  metadata: Cluster['metadata'],
): Pick<ClusterConfig, 'http2' | 'multiplex' | 'protocol'> {
  const choice = message?.upstreamProtocolOptions
  switch (choice?.case) {
    case 'explicitHttpConfig': {
      const { protocolConfig } = choice.value
      if (protocolConfig.case !== 'http2ProtocolOptions')
        return multiplexes(metadata) ? { protocol: 'auto', multiplex: true } : { protocol: 'http1' }
      const at = `${path}.explicit_http_config.http2_protocol_options`
      return { protocol: 'http2', http2: compileHttp2(context, at, protocolConfig.value) }
    }
    case 'useDownstreamProtocolConfig': {
      const { http2ProtocolOptions: options } = choice.value
      if (options === undefined) return { protocol: 'http1' }
      const at = `${path}.use_downstream_protocol_config.http2_protocol_options`
      return { protocol: 'downstream', http2: compileHttp2(context, at, options) }
    }
    case 'autoConfig': {
      const at = `${path}.auto_config.http2_protocol_options`
      return { protocol: 'auto', http2: compileHttp2(context, at, choice.value.http2ProtocolOptions) }
    }
    default:
      return { protocol: 'http1' }
  }
}

function keepalive(context: CompileContext, message: Cluster): ClusterConfig['tcpKeepalive'] {
  const settings = message.upstreamConnectionOptions?.tcpKeepalive
  if (settings === undefined) return undefined
  const read = (field: string, value: number | undefined, max: number): number | undefined => {
    if (value === undefined) return undefined
    return boundedInteger(context, `upstream_connection_options.tcp_keepalive.${field}`, {
      value,
      absent: 1,
      min: 1,
      max,
    })
  }
  // The bounds are Linux's: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT.
  const idleSeconds = read('keepalive_time', settings.keepaliveTime, 32_767)
  const intervalSeconds = read('keepalive_interval', settings.keepaliveInterval, 32_767)
  const probes = read('keepalive_probes', settings.keepaliveProbes, 127)
  return {
    ...(idleSeconds === undefined ? {} : { idleSeconds }),
    ...(intervalSeconds === undefined ? {} : { intervalSeconds }),
    ...(probes === undefined ? {} : { probes }),
  }
}

function dnsRefresh(context: CompileContext, message: Cluster): number {
  const refreshMs = durationMs(context, 'dns_refresh_rate', { value: message.dnsRefreshRate, absent: 5000 })
  if (refreshMs === 0) context.faults.add('dns_refresh_rate', 'Expected a duration above 0s')
  return refreshMs
}
