import { durationFromMs } from '@bufbuild/protobuf/wkt'
import type { AccessLogSchema } from '../../xds/generated/envoy/config/accesslog/v3/accesslog_pb.ts'
import type { FilterSchema } from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import type { RouteConfiguration } from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import { StdoutAccessLogSchema } from '../../xds/generated/envoy/extensions/access_loggers/stream/v3/stream_pb.ts'
import { HTTPFaultSchema } from '../../xds/generated/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { OnDemandSchema } from '../../xds/generated/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts'
import { RouterSchema } from '../../xds/generated/envoy/extensions/filters/http/router/v3/router_pb.ts'
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManagerSchema,
  HttpConnectionManagerSchema as ManagerSchema,
  type HttpFilterSchema,
} from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../../xds/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import type { TcpTargetPlan } from '../plan.ts'
import { adsSource } from './config-source.ts'
import { extension } from './extension.ts'
import type { Init } from './init.ts'
import { faultFilterName } from './route.ts'

type Filter = Init<typeof FilterSchema>
type Manager = Init<typeof HttpConnectionManagerSchema>

/** Time for a client to send its header block, milliseconds; Envoy has none of its own. */
const requestHeadersTimeoutMs = 10_000

/** Time for a client in the mesh to send its whole request of HTTP/1.1, milliseconds; Envoy has none of its own. */
const requestTimeoutMs = 300_000

/**
 * No limit: a client may send on a stream for as long as it likes, and what it sends through an outbound listener is the own application's. Silence is
 * ended by the idle timeouts.
 */
const unlimited = durationFromMs(0)

/** Options of HTTP/2 at either end: WebSocket is let through by extended CONNECT (RFC 8441). */
export const http2Options = { allowConnect: true } as const

/** HTTP of an inbound listener: one inline route, the caller's verified id in `x-forwarded-client-cert`. */
export function inboundHttp(statPrefix: string, version: 'http1' | 'http2', routes: RouteConfiguration): Filter {
  return manager({
    statPrefix,
    routeSpecifier: { case: 'routeConfig', value: routes },
    forwardClientCertDetails: ForwardClientCert.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true },
    requestTimeout: version === 'http1' ? durationFromMs(requestTimeoutMs) : unlimited,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    httpFilters: [router()],
  })
}

/** What outbound listeners differ in. */
export interface OutboundHttpOptions {
  /** Name of the route configuration, which comes by RDS. */
  readonly routes: string
  /** Its virtual hosts are asked for one by one. */
  readonly onDemand: boolean
  /** Clients may ask for a tunnel to another name than the listener's. */
  readonly connect: boolean
}

/** HTTP of an outbound listener. */
export function outboundHttp(statPrefix: string, options: OutboundHttpOptions): Filter {
  const onDemand = extension('envoy.filters.http.on_demand', OnDemandSchema, {})
  return manager({
    statPrefix,
    routeSpecifier: { case: 'rds', value: { routeConfigName: options.routes, configSource: adsSource() } },
    requestTimeout: unlimited,
    upgradeConfigs: [{ upgradeType: 'websocket' }, ...(options.connect ? [{ upgradeType: 'CONNECT' }] : [])],
    httpFilters: [
      ...(options.onDemand ? [onDemand] : []),
      // Empty: what to inject stands in the routes.
      extension(faultFilterName, HTTPFaultSchema, {}),
      router(),
    ],
  })
}

/** Bytes to one of the clusters. A connection that cannot be made is tried on other endpoints. */
export function tcpProxy(statPrefix: string, target: TcpTargetPlan): Filter {
  const [only] = target.clusters
  return extension('envoy.filters.network.tcp_proxy', TcpProxySchema, {
    statPrefix,
    clusterSpecifier:
      only !== undefined && target.clusters.length === 1
        ? { case: 'cluster', value: only.name }
        : { case: 'weightedClusters', value: { clusters: target.clusters.map((cluster) => ({ ...cluster })) } },
    ...(target.idleTimeoutMs === undefined ? {} : { idleTimeout: durationFromMs(target.idleTimeoutMs) }),
    ...(target.hashSourceIp ? { hashPolicy: [{ policySpecifier: { case: 'sourceIp' as const, value: {} } }] } : {}),
    maxConnectAttempts: 3,
    accessLog: accessLog(),
  })
}

/** What all connection managers share: limits of time, and paths in one spelling before any route is matched. */
function manager(own: Manager): Filter {
  return extension('envoy.filters.network.http_connection_manager', ManagerSchema, {
    ...own,
    serverName: 'weft',
    requestHeadersTimeout: durationFromMs(requestHeadersTimeoutMs),
    useRemoteAddress: false,
    http2ProtocolOptions: http2Options,
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction: EscapedSlashes.REJECT_REQUEST,
    accessLog: accessLog(),
  })
}

function router(): Init<typeof HttpFilterSchema> {
  return extension('envoy.filters.http.router', RouterSchema, {})
}

/** Standard output, in the default format; whoever starts the proxy decides what file that is. */
function accessLog(): Init<typeof AccessLogSchema>[] {
  return [extension('envoy.access_loggers.stdout', StdoutAccessLogSchema, {})]
}
