import { create } from '@bufbuild/protobuf'
import type { ConsistentHash } from '../../model/index.ts'
import type { Init } from './init.ts'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { HttpProtocolOptionsSchema } from '../../xds/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import {
  blackHoleCluster,
  connectCluster,
  passthroughCluster,
  TypeUrl,
  upstreamMetadata,
  type XdsResource,
} from '../../xds/index.ts'
import type { ClusterPlan } from '../plan.ts'
import { defaultLimits } from '../policies/connection-limits/connection-limits.ts'
import { adsSource } from './config-source.ts'
import { encodeResource } from './encode.ts'
import { tcpAddress } from './address.ts'
import { loadAssignment } from './endpoints.ts'
import { pack } from './extension.ts'
import { originOf } from './metadata.ts'
import { http2Options } from './network-filter.ts'
import { outlierDetection } from './outlier-detection.ts'
import { rawBuffer, upstreamTls } from './tls.ts'

type ClusterInit = Init<typeof ClusterSchema>

const httpProtocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Writes a cluster. */
export function emitCluster(plan: ClusterPlan): XdsResource {
  const message = create(ClusterSchema, {
    name: plan.name,
    ...discovery(plan),
    ...balancer(plan),
    connectTimeout: durationFromMs(plan.connectTimeoutMs),
    circuitBreakers: { thresholds: [{ ...plan.limits }] },
    // 0 switches panic mode off: Envoy would otherwise send to draining endpoints once half of them drain.
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    ...(plan.protocol === 'tcp' ? {} : { typedExtensionProtocolOptions: httpOptions(plan, plan.protocol) }),
    ...keepalive(plan),
    ...(plan.outlierDetection === undefined ? {} : { outlierDetection: outlierDetection(plan.outlierDetection) }),
    ...transport(plan),
    metadata: originOf(plan.origin, {
      istio: { services: plan.services.map((service) => ({ ...service })) },
      ...(multiplexes(plan) ? { [upstreamMetadata]: { multiplex: true } } : {}),
    }),
  })
  const origins = plan.origin === undefined ? plan.origins : [plan.origin, ...plan.origins]
  return encodeResource(ClusterSchema, message, { typeUrl: TypeUrl.cluster, name: plan.name, origins })
}

/** Between proxies of the mesh requests of HTTP/1.1 share connections, if both sides can; those of HTTP/2 do anyway. */
function multiplexes({ protocol, transport }: ClusterPlan): boolean {
  return protocol === 'http1' && transport.kind !== 'plain' && transport.tls.kind === 'mesh'
}

/** Sends a connection to the address that the application dialled. */
export function emitPassthroughCluster(): XdsResource {
  const message = create(ClusterSchema, {
    name: passthroughCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: durationFromMs(10_000),
  })
  return encodeResource(ClusterSchema, message, { typeUrl: TypeUrl.cluster, name: passthroughCluster, origins: [] })
}

/** Has no endpoint: what is sent to it is refused. */
export function emitBlackHoleCluster(): XdsResource {
  const message = create(ClusterSchema, {
    name: blackHoleCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(10_000),
  })
  return encodeResource(ClusterSchema, message, { typeUrl: TypeUrl.cluster, name: blackHoleCluster, origins: [] })
}

/**
 * The end of tunnels through the HTTP proxy: its own listener, which reads the requests inside (gRPC libraries and WebSocket clients
 * ask a proxy for a tunnel even where they speak without TLS).
 */
export function emitConnectCluster(httpProxyPort: number): XdsResource {
  const address = tcpAddress('127.0.0.1', httpProxyPort)
  const message = create(ClusterSchema, {
    name: connectCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(10_000),
    circuitBreakers: { thresholds: [{ ...defaultLimits }] },
    loadAssignment: {
      clusterName: connectCluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
    },
  })
  return encodeResource(ClusterSchema, message, { typeUrl: TypeUrl.cluster, name: connectCluster, origins: [] })
}

function discovery(plan: ClusterPlan): ClusterInit {
  const type = {
    static: Cluster_DiscoveryType.STATIC,
    eds: Cluster_DiscoveryType.EDS,
    'strict-dns': Cluster_DiscoveryType.STRICT_DNS,
    'logical-dns': Cluster_DiscoveryType.LOGICAL_DNS,
    'original-dst': Cluster_DiscoveryType.ORIGINAL_DST,
  }[plan.discovery]
  const clusterDiscoveryType = { case: 'type', value: type } as const
  if (plan.discovery === 'eds') return { clusterDiscoveryType, edsClusterConfig: { edsConfig: adsSource() } }
  if (plan.discovery === 'original-dst') return { clusterDiscoveryType }
  return { clusterDiscoveryType, loadAssignment: loadAssignment(plan) }
}

function balancer(plan: ClusterPlan): ClusterInit {
  if (typeof plan.balancer === 'object') return consistentHash(plan.balancer.table)
  const lbPolicy = {
    'round-robin': Cluster_LbPolicy.ROUND_ROBIN,
    'least-request': Cluster_LbPolicy.LEAST_REQUEST,
    random: Cluster_LbPolicy.RANDOM,
    passthrough: Cluster_LbPolicy.CLUSTER_PROVIDED,
  }[plan.balancer]
  return { lbPolicy }
}

function consistentHash(table: ConsistentHash['table']): ClusterInit {
  if (table.kind === 'maglev') {
    const value = { tableSize: BigInt(table.size) }
    return { lbPolicy: Cluster_LbPolicy.MAGLEV, lbConfig: { case: 'maglevLbConfig', value } }
  }
  const value = { minimumRingSize: BigInt(table.minimumSize) }
  return { lbPolicy: Cluster_LbPolicy.RING_HASH, lbConfig: { case: 'ringHashLbConfig', value } }
}

/** The version that the port declares, whatever ALPN says and whatever version the request came in. */
function httpOptions(
  plan: ClusterPlan,
  version: 'http1' | 'http2',
): NonNullable<ClusterInit['typedExtensionProtocolOptions']> {
  const { httpIdleTimeoutMs, maxRequestsPerConnection } = plan
  const common = {
    ...(httpIdleTimeoutMs === undefined ? {} : { idleTimeout: durationFromMs(httpIdleTimeoutMs) }),
    // 0 is the dialects' "no limit", which Envoy spells by leaving it out.
    ...(maxRequestsPerConnection === undefined || maxRequestsPerConnection === 0 ? {} : { maxRequestsPerConnection }),
  }
  return {
    [httpProtocolOptions]: pack(HttpProtocolOptionsSchema, {
      ...(Object.keys(common).length === 0 ? {} : { commonHttpProtocolOptions: common }),
      upstreamProtocolOptions: {
        case: 'explicitHttpConfig',
        value: {
          protocolConfig:
            version === 'http2'
              ? { case: 'http2ProtocolOptions', value: http2Options }
              : { case: 'httpProtocolOptions', value: {} },
        },
      },
    }),
  }
}

function keepalive(plan: ClusterPlan): ClusterInit {
  if (plan.tcpKeepalive === undefined) return {}
  const { probes, timeMs, intervalMs } = plan.tcpKeepalive
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(probes === undefined ? {} : { keepaliveProbes: probes }),
        ...(timeMs === undefined ? {} : { keepaliveTime: wholeSeconds(timeMs) }),
        ...(intervalMs === undefined ? {} : { keepaliveInterval: wholeSeconds(intervalMs) }),
      },
    },
  }
}

/** The kernel counts keep-alive in seconds, at least one. */
function wholeSeconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000))
}

function transport(plan: ClusterPlan): ClusterInit {
  const { transport: chosen } = plan
  if (chosen.kind === 'plain') return {}
  if (chosen.kind === 'tls') return { transportSocket: upstreamTls(chosen.tls) }
  return {
    transportSocketMatches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transportSocket: upstreamTls(chosen.tls) },
      { name: 'tlsMode-disabled', match: {}, transportSocket: rawBuffer() },
    ],
  }
}
