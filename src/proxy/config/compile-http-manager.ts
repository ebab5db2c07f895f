import { reflect } from '@bufbuild/protobuf/reflect'
import type { Any } from '@bufbuild/protobuf/wkt'

import { HttpProtocolOptions_HeadersWithUnderscoresAction } from '../../xds/generated/envoy/config/core/v3/protocol_pb.ts'
import { type HTTPFault, HTTPFaultSchema } from '../../xds/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { FilterConfigSchema as GrpcStatsSchema } from '../../xds/generated/envoy/extensions/filters/http/grpc_stats/v3/config_pb.ts'
import { GrpcWebSchema } from '../../xds/generated/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts'
import { HealthCheckSchema } from '../../xds/generated/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts'
import { OnDemandSchema } from '../../xds/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts'
import { RouterSchema } from '../../xds/generated/envoy/extensions/filters/http/router/v3/router_pb.ts'
import { StatefulSessionSchema } from '../../xds/generated/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts'
import {
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManager_ForwardClientCertDetails as ForwardDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction as SlashesAction,
  type HttpConnectionManager,
  type HttpFilter,
} from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import type { SessionSetting } from '../route/index.ts'
import { unpackAny } from './any-types.ts'
import { compileAccessLogs } from './compile-access-log.ts'
import { compileHttp2 } from './compile-http2.ts'
import { compileHttpRbac } from './compile-rbac.ts'
import type { CompileContext } from './compile-context.ts'
import { faultFilterName } from './compile-fault.ts'
import { compileGrpcStats } from './compile-grpc-stats.ts'
import { compileHealthFilter } from './compile-health-filter.ts'
import { routeTable } from './compile-routes.ts'
import { compileStatefulSession, statefulSessionName } from './compile-stateful-session.ts'
import { compileUpgrades } from './compile-upgrades.ts'
import { requireAds } from './config-source.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger, durationMs, requiredText } from './field-values.ts'
import type { GrpcStatsConfig, HealthFilterConfig, HttpFilterConfig, HttpManagerConfig } from './listener-config.ts'

const maxUint32 = 0xffff_ffff

/** Compiles `envoy.filters.network.http_connection_manager`. */
export function compileHttpManager(
  context: CompileContext,
  path: string,
  message: HttpConnectionManager,
): HttpManagerConfig {
  const at = (field: string): string => fieldPath(path, field)
  const filters = compileFilters(context, at('http_filters'), message.httpFilters)
  return {
    kind: 'http',
    statPrefix: requiredText(context, at('stat_prefix'), message.statPrefix),
    routes: routesOf(context, path, message),
    codec: codecs.get(message.codecType) ?? 'auto',
    http2: compileHttp2(context, at('http2_protocol_options'), message.http2ProtocolOptions),
    serverName: message.serverName === '' ? 'envoy' : message.serverName,
    ...timeouts(context, path, message),
    ...limits(context, path, message),
    ...durations(context, path, message),
    useRemoteAddress: message.useRemoteAddress ?? false,
    xffTrustedHops: message.xffNumTrustedHops,
    generateRequestId: message.generateRequestId ?? true,
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    escapedSlashes: escapedSlashes.get(message.pathWithEscapedSlashesAction) ?? 'keep',
    underscoreHeaders: underscoreHeaders(message),
    forwardClientCert: forwardClientCert(context, path, message),
    ...filters,
    accessLogs: compileAccessLogs(context, at('access_log'), message.accessLog),
    upgrades: compileUpgrades(context, at('upgrade_configs'), message.upgradeConfigs),
  }
}

const codecs: ReadonlyMap<CodecType, 'auto' | 'http1' | 'http2'> = new Map([
  [CodecType.AUTO, 'auto'],
  [CodecType.HTTP1, 'http1'],
  [CodecType.HTTP2, 'http2'],
])

function routesOf(context: CompileContext, path: string, message: HttpConnectionManager): HttpManagerConfig['routes'] {
  const choice = message.routeSpecifier
  switch (choice.case) {
    case 'rds': {
      requireAds(context, fieldPath(path, 'rds.config_source'), choice.value.configSource)
      const name = requiredText(context, fieldPath(path, 'rds.route_config_name'), choice.value.routeConfigName)
      return { kind: 'rds', name }
    }
    case 'routeConfig':
      return { kind: 'inline', table: routeTable(context, fieldPath(path, 'route_config'), choice.value) }
    case undefined:
      context.faults.add(path, 'Expected rds or route_config')
      return { kind: 'rds', name: '' }
    default:
      // scoped_routes: reported by the support check.
      return { kind: 'rds', name: '' }
  }
}

function timeouts(
  context: CompileContext,
  path: string,
  message: HttpConnectionManager,
): Pick<HttpManagerConfig, 'idleTimeoutMs' | 'requestTimeoutMs' | 'requestHeadersTimeoutMs' | 'streamIdleTimeoutMs'> {
  const at = (field: string): string => fieldPath(path, field)
  const idle = message.commonHttpProtocolOptions?.idleTimeout
  return {
    idleTimeoutMs: durationMs(context, at('common_http_protocol_options.idle_timeout'), {
      value: idle,
      absent: 3_600_000,
    }),
    requestTimeoutMs: durationMs(context, at('request_timeout'), { value: message.requestTimeout, absent: 300_000 }),
    requestHeadersTimeoutMs: durationMs(context, at('request_headers_timeout'), {
      value: message.requestHeadersTimeout,
      absent: 10_000,
    }),
    streamIdleTimeoutMs: durationMs(context, at('stream_idle_timeout'), {
      value: message.streamIdleTimeout,
      absent: 300_000,
    }),
  }
}

function limits(
  context: CompileContext,
  path: string,
  message: HttpConnectionManager,
): Pick<HttpManagerConfig, 'maxRequestHeadersBytes' | 'maxHeadersCount' | 'maxRequestsPerConnection'> {
  const common = message.commonHttpProtocolOptions
  const headersKb = boundedInteger(context, fieldPath(path, 'max_request_headers_kb'), {
    value: message.maxRequestHeadersKb,
    absent: 60,
    min: 1,
    max: 8192,
  })
  return {
    maxRequestHeadersBytes: headersKb * 1024,
    maxHeadersCount: boundedInteger(context, fieldPath(path, 'common_http_protocol_options.max_headers_count'), {
      value: common?.maxHeadersCount,
      absent: 100,
      min: 1,
      max: maxUint32,
    }),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
  }
}

function durations(
  context: CompileContext,
  path: string,
  message: HttpConnectionManager,
): Pick<HttpManagerConfig, 'maxConnectionDurationMs' | 'maxStreamDurationMs'> {
  const common = message.commonHttpProtocolOptions
  const at = fieldPath(path, 'common_http_protocol_options')
  const connection = durationMs(context, `${at}.max_connection_duration`, {
    value: common?.maxConnectionDuration,
    absent: 0,
  })
  const stream = durationMs(context, `${at}.max_stream_duration`, { value: common?.maxStreamDuration, absent: 0 })
  return {
    ...(connection === 0 ? {} : { maxConnectionDurationMs: connection }),
    ...(stream === 0 ? {} : { maxStreamDurationMs: stream }),
  }
}

/** The implementation's own default is to leave escaped slashes alone, as Envoy's is. */
const escapedSlashes: ReadonlyMap<SlashesAction, HttpManagerConfig['escapedSlashes']> = new Map([
  [SlashesAction.IMPLEMENTATION_SPECIFIC_DEFAULT, 'keep'],
  [SlashesAction.KEEP_UNCHANGED, 'keep'],
  [SlashesAction.REJECT_REQUEST, 'reject'],
  [SlashesAction.UNESCAPE_AND_REDIRECT, 'unescape-redirect'],
  [SlashesAction.UNESCAPE_AND_FORWARD, 'unescape-forward'],
])

function underscoreHeaders(message: HttpConnectionManager): HttpManagerConfig['underscoreHeaders'] {
  switch (message.commonHttpProtocolOptions?.headersWithUnderscoresAction) {
    case HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST:
      return 'reject'
    case HttpProtocolOptions_HeadersWithUnderscoresAction.DROP_HEADER:
      return 'drop'
    default:
      return 'allow'
  }
}

const forwardDetails: ReadonlyMap<ForwardDetails, HttpManagerConfig['forwardClientCert']> = new Map([
  [ForwardDetails.SANITIZE, 'sanitize'],
  [ForwardDetails.FORWARD_ONLY, 'forward-only'],
  [ForwardDetails.APPEND_FORWARD, 'append-forward'],
  [ForwardDetails.SANITIZE_SET, 'sanitize-set'],
  [ForwardDetails.ALWAYS_FORWARD_ONLY, 'always-forward-only'],
])

/** This proxy always writes the URI into the header; leaving it out is not implemented. */
function forwardClientCert(
  context: CompileContext,
  path: string,
  message: HttpConnectionManager,
): HttpManagerConfig['forwardClientCert'] {
  const mode = forwardDetails.get(message.forwardClientCertDetails) ?? 'sanitize'
  const writes = mode === 'append-forward' || mode === 'sanitize-set'
  if (writes && message.setCurrentClientCertDetails?.uri !== true) {
    const at = fieldPath(path, 'set_current_client_cert_details.uri')
    context.faults.add(at, 'Expected true: a client certificate header without URI is not implemented by this proxy')
  }
  return mode
}

type CompiledFilter =
  | HttpFilterConfig
  | { readonly kind: 'health_check'; readonly config: HealthFilterConfig }
  | { readonly kind: 'stateful_session'; readonly config: SessionSetting }
  | { readonly kind: 'grpc_stats'; readonly config: GrpcStatsConfig }
  | { readonly kind: 'grpc_web' }
  | { readonly kind: 'router' }

/** In any order before the router, which is last; health_check before what looks at routes. Each once, but RBAC as often as one likes. */
function compileFilters(
  context: CompileContext,
  path: string,
  filters: readonly HttpFilter[],
): Pick<HttpManagerConfig, 'filters' | 'statefulSession' | 'healthFilter' | 'grpcStats' | 'grpcWeb'> {
  const seen = new Set<CompiledFilter['kind']>()
  const ordered: HttpFilterConfig[] = []
  let statefulSession: SessionSetting | undefined
  let healthFilter: HealthFilterConfig | undefined
  let grpcStats: GrpcStatsConfig | undefined
  filters.forEach((filter, index) => {
    const at = `${path}[${index}]`
    const made = compileFilter(context, at, filter)
    if (made === undefined) return
    const { kind } = made
    if (seen.has(kind) && kind !== 'rbac') context.faults.add(at, `Expected the ${kind} filter once`)
    if (seen.has('router')) context.faults.add(at, 'Expected the router filter last')
    if (kind === 'health_check') {
      if (seen.size > 0) context.faults.add(at, 'Expected the health_check filter first')
      healthFilter = made.config
    } else if (kind === 'stateful_session') statefulSession = made.config
    else if (kind === 'grpc_stats') grpcStats = made.config
    else if (kind !== 'router' && kind !== 'grpc_web') ordered.push(made)
    seen.add(kind)
  })
  if (!seen.has('router')) context.faults.add(path, 'Expected the router filter last')
  return {
    filters: ordered,
    ...(seen.has('grpc_web') ? { grpcWeb: true } : {}),
    ...(grpcStats === undefined ? {} : { grpcStats }),
    ...(statefulSession === undefined ? {} : { statefulSession }),
    ...(healthFilter === undefined ? {} : { healthFilter }),
  }
}

function compileFilter(context: CompileContext, path: string, filter: HttpFilter): CompiledFilter | undefined {
  const any = typedConfigOf(filter)
  const at = fieldPath(path, 'typed_config')
  if (unpackAny(any, RouterSchema) !== undefined) return { kind: 'router' }
  if (unpackAny(any, OnDemandSchema) !== undefined) return { kind: 'on_demand' }
  const health = unpackAny(any, HealthCheckSchema)
  if (health !== undefined) return { kind: 'health_check', config: compileHealthFilter(context, at, health) }
  const session = unpackAny(any, StatefulSessionSchema)
  if (session !== undefined) {
    requireName(context, path, filter, statefulSessionName)
    return { kind: 'stateful_session', config: compileStatefulSession(context, at, session) }
  }
  if (unpackAny(any, GrpcWebSchema) !== undefined) return { kind: 'grpc_web' }
  const grpcStats = unpackAny(any, GrpcStatsSchema)
  if (grpcStats !== undefined) return { kind: 'grpc_stats', config: compileGrpcStats(context, at, grpcStats) }
  const rbac = compileHttpRbac(context, at, any)
  if (rbac !== undefined) return { kind: 'rbac', name: filter.name, config: rbac }
  const fault = unpackAny(any, HTTPFaultSchema)
  if (fault === undefined) {
    context.faults.add(
      at,
      'Expected a Router, an OnDemand, a HealthCheck, a StatefulSession, a gRPC FilterConfig, a GrpcWeb, an RBAC or an HTTPFault',
    )
    return undefined
  }
  requireName(context, path, filter, faultFilterName)
  checkFault(context, at, fault)
  return { kind: 'fault' }
}

function checkFault(context: CompileContext, path: string, fault: HTTPFault): void {
  const reflected = reflect(HTTPFaultSchema, fault)
  for (const field of reflected.fields) {
    if (reflected.isSet(field) && field.name !== 'disable_downstream_cluster_stats') {
      context.faults.add(fieldPath(path, field.name), 'Faults are set on routes, not on the filter, in this proxy')
    }
  }
}

function typedConfigOf(filter: HttpFilter): Any | undefined {
  return filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
}

function requireName(context: CompileContext, path: string, filter: HttpFilter, name: string): void {
  if (filter.name === name) return
  context.faults.add(fieldPath(path, 'name'), `Expected ${name}, the name that routes call the filter by`)
}
