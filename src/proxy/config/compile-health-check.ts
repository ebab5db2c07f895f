import type { Cluster } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { RequestMethod } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type {
  HealthCheck,
  HealthCheck_GrpcHealthCheck as GrpcHealthCheck,
  HealthCheck_HttpHealthCheck as HttpHealthCheck,
  HealthCheck_Payload as Payload,
  HealthCheck_TcpHealthCheck as TcpHealthCheck,
} from '../../xds/generated/envoy/config/core/v3/health_check_pb.ts'
import { CodecClientType } from '../../xds/generated/envoy/type/v3/http_pb.ts'
import type { Int64Range } from '../../xds/generated/envoy/type/v3/range_pb.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CompileContext } from './compile-context.ts'
import { compileString } from './compile-route-match.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger, durationMs } from './field-values.ts'
import { addedHeaders, levelEdits } from './header-edits-values.ts'
import type {
  GrpcProbeConfig,
  HealthCheckConfig,
  HttpProbeConfig,
  StatusRange,
  TcpProbeConfig,
} from './health-check-config.ts'

const maxUint32 = 4_294_967_295
const minuteMs = 60_000

/** One frame of HTTP/2, and inside of every first window. */
const maxPayloadBytes = 16_384

/** The fields of a cluster that active health checking looks at. */
type CheckedCluster = Pick<
  ClusterConfig,
  'healthCheck' | 'ignoreHealthOnRemoval' | 'closeOnHealthFailure' | 'excludeNewHosts'
>

/** Compiles `health_checks` (at most one, as in Envoy) and the cluster's fields that go with it. */
export function compileHealthChecks(
  context: CompileContext,
  message: Cluster,
  discovery: ClusterConfig['discovery'],
): CheckedCluster {
  const [first, second] = message.healthChecks
  if (first === undefined) return {}
  if (second !== undefined) context.faults.add('health_checks[1]', 'Expected one health check, as in Envoy')
  if (discovery === 'original-dst') context.faults.add('health_checks', 'Expected none with type ORIGINAL_DST')
  if (context.options.controlChannel === true)
    context.faults.add('health_checks', "Not implemented for the proxy's own gRPC channels")
  return {
    healthCheck: compileHealthCheck(context, 'health_checks[0]', first),
    ignoreHealthOnRemoval: message.ignoreHealthOnHostRemoval,
    closeOnHealthFailure: message.closeConnectionsOnHostHealthFailure,
    excludeNewHosts: message.commonLbConfig?.ignoreNewHostsUntilFirstHc ?? false,
  }
}

function compileHealthCheck(context: CompileContext, path: string, message: HealthCheck): HealthCheckConfig {
  return {
    ...times(context, path, message),
    unhealthyThreshold: threshold(context, `${path}.unhealthy_threshold`, message.unhealthyThreshold),
    healthyThreshold: threshold(context, `${path}.healthy_threshold`, message.healthyThreshold),
    reuseConnection: message.reuseConnection ?? true,
    alpn: (message.tlsOptions?.alpnProtocols ?? []).map((protocol, index) => {
      if (protocol === '' || protocol.length > 255)
        context.faults.add(`${path}.tls_options.alpn_protocols[${index}]`, 'Expected 1 to 255 characters')
      return protocol
    }),
    probe: probeOf(context, path, message),
  }
}

function threshold(context: CompileContext, path: string, value: number | undefined): number {
  if (value === undefined) context.faults.add(path, 'Expected a number, got nothing')
  // Envoy takes 0 and then counts past it for ever; nobody can mean that.
  return boundedInteger(context, path, { value, absent: 1, min: 1, max: maxUint32 })
}

type Times = Omit<HealthCheckConfig, 'unhealthyThreshold' | 'healthyThreshold' | 'reuseConnection' | 'alpn' | 'probe'>

function times(context: CompileContext, path: string, message: HealthCheck): Times {
  const read = (field: string, value: HealthCheck['interval'], absent: number): number =>
    durationMs(context, fieldPath(path, field), { value, absent })
  const positive = (field: string, value: HealthCheck['interval'], absent: number): number => {
    const ms = read(field, value, absent)
    if (ms === 0 && value !== undefined) context.faults.add(fieldPath(path, field), 'Expected a duration above 0s')
    return ms
  }
  const required = (field: string, value: HealthCheck['interval']): number => {
    if (value === undefined) context.faults.add(fieldPath(path, field), 'Expected a duration, got nothing')
    return positive(field, value, 1)
  }
  const intervalMs = required('interval', message.interval)
  const unhealthyIntervalMs = positive('unhealthy_interval', message.unhealthyInterval, intervalMs)
  const noTrafficIntervalMs = positive('no_traffic_interval', message.noTrafficInterval, minuteMs)
  const noTrafficHealthy = message.noTrafficHealthyInterval
  return {
    timeoutMs: required('timeout', message.timeout),
    intervalMs,
    initialJitterMs: read('initial_jitter', message.initialJitter, 0),
    intervalJitterMs: read('interval_jitter', message.intervalJitter, 0),
    intervalJitterPercent: message.intervalJitterPercent,
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: positive('no_traffic_healthy_interval', noTrafficHealthy, noTrafficIntervalMs),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: positive('unhealthy_edge_interval', message.unhealthyEdgeInterval, unhealthyIntervalMs),
    healthyEdgeIntervalMs: positive('healthy_edge_interval', message.healthyEdgeInterval, intervalMs),
  }
}

function probeOf(context: CompileContext, path: string, message: HealthCheck): HealthCheckConfig['probe'] {
  const checker = message.healthChecker
  switch (checker.case) {
    case 'httpHealthCheck':
      return httpProbe(context, fieldPath(path, 'http_health_check'), checker.value)
    case 'tcpHealthCheck':
      return tcpProbe(context, fieldPath(path, 'tcp_health_check'), checker.value)
    case 'grpcHealthCheck':
      return grpcProbe(context, fieldPath(path, 'grpc_health_check'), checker.value)
    default:
      // custom_health_check: reported by the support check.
      if (checker.case === undefined)
        context.faults.add(path, 'Expected http_health_check, tcp_health_check or grpc_health_check')
      return { kind: 'tcp', send: new Uint8Array(), receive: [] }
  }
}

/** Methods whose requests may have a body, as Envoy sees it. */
const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'OPTIONS'])

function httpProbe(context: CompileContext, path: string, message: HttpHealthCheck): HttpProbeConfig {
  const at = (field: string): string => fieldPath(path, field)
  if (!message.path.startsWith('/') || /[^\x21-\x7e]/.test(message.path))
    context.faults.add(at('path'), `Expected a path that begins with /, got ${JSON.stringify(message.path)}`)
  const method = methodOf(context, at('method'), message.method)
  const send = message.send === undefined ? new Uint8Array() : payload(context, at('send'), message.send)
  if (send.length > 0 && !methodsWithBody.has(method))
    context.faults.add(at('send'), `Expected none with method ${method}; POST, PUT, PATCH and OPTIONS take one`)
  const bufferSize = message.responseBufferSize
  const maxBuffer = 1024 * 1024
  if (bufferSize !== undefined && bufferSize > BigInt(maxBuffer))
    context.faults.add(at('response_buffer_size'), `Expected at most ${maxBuffer} bytes`)
  return {
    kind: 'http',
    http2: message.codecClientType === CodecClientType.HTTP2,
    host: headerValue(context, at('host'), message.host),
    path: message.path,
    method,
    headers: levelEdits(context, path, {
      requestHeadersToAdd: message.requestHeadersToAdd,
      requestHeadersToRemove: message.requestHeadersToRemove,
      responseHeadersToAdd: [],
      responseHeadersToRemove: [],
    }).requestEdits,
    send,
    receive: message.receive.map((block, index) => payload(context, `${path}.receive[${index}]`, block)),
    responseBufferBytes: bufferSize === undefined ? 1024 : Number(bufferSize),
    expectedStatuses:
      message.expectedStatuses.length === 0
        ? [{ start: 200, end: 201 }]
        : statusRanges(context, at('expected_statuses'), message.expectedStatuses),
    retriableStatuses: statusRanges(context, at('retriable_statuses'), message.retriableStatuses),
    serviceName:
      message.serviceNameMatcher === undefined
        ? undefined
        : compileString(context, at('service_name_matcher'), message.serviceNameMatcher),
  }
}

function methodOf(context: CompileContext, path: string, method: RequestMethod): string {
  if (method === RequestMethod.METHOD_UNSPECIFIED) return 'GET'
  if (method === RequestMethod.CONNECT) context.faults.add(path, 'Expected another method than CONNECT')
  return RequestMethod[method] ?? 'GET'
}

function statusRanges(context: CompileContext, path: string, ranges: readonly Int64Range[]): readonly StatusRange[] {
  return ranges.map(({ start, end }, index) => {
    if (start < 100n || end > 600n || start >= end)
      context.faults.add(`${path}[${index}]`, `Expected 100 <= start < end <= 600, got ${start} to ${end}`)
    return { start: Number(start), end: Number(end) }
  })
}

function tcpProbe(context: CompileContext, path: string, message: TcpHealthCheck): TcpProbeConfig {
  return {
    kind: 'tcp',
    send: message.send === undefined ? new Uint8Array() : payload(context, fieldPath(path, 'send'), message.send),
    receive: message.receive.map((block, index) => payload(context, `${path}.receive[${index}]`, block)),
  }
}

function grpcProbe(context: CompileContext, path: string, message: GrpcHealthCheck): GrpcProbeConfig {
  const at = fieldPath(path, 'initial_metadata')
  const metadata =
    message.initialMetadata.length === 0
      ? undefined
      : { remove: [], ...addedHeaders(context, at, message.initialMetadata) }
  return {
    kind: 'grpc',
    service: serviceName(context, fieldPath(path, 'service_name'), message.serviceName),
    authority: headerValue(context, fieldPath(path, 'authority'), message.authority),
    metadata,
  }
}

function serviceName(context: CompileContext, path: string, name: string): string {
  if (Buffer.byteLength(name) > 16_000) context.faults.add(path, 'Expected at most 16,000 bytes')
  return name
}

/** `text` is hexadecimal, as in Envoy. */
function payload(context: CompileContext, path: string, message: Payload): Uint8Array {
  const choice = message.payload
  if ((choice.value?.length ?? 0) > maxPayloadBytes)
    context.faults.add(path, `Expected at most ${maxPayloadBytes} bytes`)
  if (choice.case === 'binary' && choice.value.length > 0) return choice.value
  if (choice.case === 'text' && /^(?:[0-9A-Fa-f]{2})+$/.test(choice.value)) return Buffer.from(choice.value, 'hex')
  if (choice.case === 'text')
    context.faults.add(
      fieldPath(path, 'text'),
      `Expected hexadecimal digits, two for each byte, got ${JSON.stringify(choice.value)}`,
    )
  else context.faults.add(path, 'Expected text or binary, got nothing')
  return new Uint8Array()
}

function headerValue(context: CompileContext, path: string, value: string): string {
  if (/[^\x21-\x7e]/.test(value)) context.faults.add(path, 'Expected a host without blanks and control characters')
  return value
}
