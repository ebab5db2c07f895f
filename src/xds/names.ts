/** Type URLs of the resources on the wire. */
export const TypeUrl = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  virtualHost: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const

/** One of the type URLs that Weft serves. */
export type XdsType = (typeof TypeUrl)[keyof typeof TypeUrl]

/** Make-before-break: additions and changes leave in this order, removals in the reverse (gRPC/Envoy ADS ordering). */
export const pushOrder: readonly XdsType[] = [
  TypeUrl.cluster,
  TypeUrl.endpoints,
  TypeUrl.secret,
  TypeUrl.listener,
  TypeUrl.route,
  TypeUrl.virtualHost,
]

/** Name of the outbound HTTP proxy listener and of its route configuration; virtual hosts are `http_proxy/<authority>` (VHDS). */
export const httpProxyName = 'http_proxy'

/** SDS names of the workload's own certificate and of the mesh trust bundle, as Istio calls them. */
export const secretName = { certificate: 'default', bundle: 'ROOTCA' } as const

/** Bootstrap cluster through which secrets are fetched: the proxy itself, or the agent's socket beside a foreign proxy. */
export const sdsClusterName = 'sds-grpc'

/** Bootstrap cluster of the control plane. */
export const xdsClusterName = 'xds-grpc'

/** Cluster for destinations outside the mesh, dialled at their original address. */
export const passthroughCluster = 'PassthroughCluster'

/** Cluster of the proxy's own HTTP proxy listener, where tunnels that were asked for by CONNECT end. */
export const connectCluster = 'http_proxy_connect'

/** Cluster without endpoints, for what must go nowhere. */
export const blackHoleCluster = 'BlackHoleCluster'

/** Istio's cluster name: `outbound|9080|v1|reviews.default.svc.cluster.local`. */
export function outboundClusterName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`
}

/** Istio's inbound cluster name: `inbound|9080||`. */
export function inboundClusterName(port: number): string {
  return `inbound|${port}||`
}

/** Filter metadata namespace under which resources carry the origin of what they were compiled from. */
export const originMetadata = 'weft.origin'

/** Node metadata that tells streams of one node id apart: a text of each process's own. A newer stream replaces one of the same process only. */
export const processMetadata = 'WEFT_PROCESS'

/**
 * Metadata namespace of clusters in which Weft's proxy does more than Envoy's fields say: `multiplex: true` lets it gather requests of HTTP/1.1 on
 * connections of HTTP/2 where the peer's ALPN agrees. (Envoy's own `auto_config` cannot be used: it is refused beside endpoints without TLS.)
 */
export const upstreamMetadata = 'weft.upstream'
