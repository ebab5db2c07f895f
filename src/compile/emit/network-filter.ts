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
import { httpProxyName } from '../../xds/index.ts'
import type { TcpTargetPlan } from '../plan.ts'
import { adsSource } from './config-source.ts'
import { extension } from './extension.ts'
import type { Init } from './init.ts'
import { faultFilterName } from './route.ts'

type Filter = Init<typeof FilterSchema>
type Manager = Init<typeof HttpConnectionManagerSchema>

/** Time for a client to send its header block, milliseconds; Envoy has none of its own. */
const requestHeadersTimeoutMs = 10_000

/** Time for a client to send its whole request, milliseconds; Envoy has none of its own. */
const requestTimeoutMs = 300_000

/** HTTP of an inbound listener: one inline route, the caller's verified id in `x-forwarded-client-cert`. */
export function inboundHttp(statPrefix: string, routes: RouteConfiguration): Filter {
  return manager({
    statPrefix,
    routeSpecifier: { case: 'routeConfig', value: routes },
    forwardClientCertDetails: ForwardClientCert.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true },
    httpFilters: [router()],
  })
}

/** HTTP of an outbound listener: routes by RDS, asked for one by one when `onDemand`. */
export function outboundHttp(statPrefix: string, options: { readonly onDemand: boolean }): Filter {
  const onDemand = extension('envoy.filters.http.on_demand', OnDemandSchema, {})
  return manager({
    statPrefix,
    routeSpecifier: { case: 'rds', value: { routeConfigName: httpProxyName, configSource: adsSource() } },
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
    requestTimeout: durationFromMs(requestTimeoutMs),
    requestHeadersTimeout: durationFromMs(requestHeadersTimeoutMs),
    useRemoteAddress: false,
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
