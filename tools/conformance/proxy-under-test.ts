import type { JsonObject } from '@bufbuild/protobuf'

import { type MakeBootstrap, type RunningProxy, startEnvoy, startWeft } from '../../test/differential/http/proxies.ts'

/** Which proxy is judged. Envoy is there to prove the rig: what it passes can be passed. */
export type ProxyKind = 'weft' | 'envoy'

/** Starts the proxy with a bootstrap of static resources; resolves when all its listeners are bound. */
export function startProxy(kind: ProxyKind, bootstrap: MakeBootstrap, listeners: number): Promise<RunningProxy> {
  return kind === 'envoy' ? startEnvoy(bootstrap, listeners) : startWeft(bootstrap, listeners)
}

const type = 'type.googleapis.com/envoy.extensions'

/** PEM files for one side of TLS. */
export interface TlsFiles {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** A listener of HTTP that passes everything on to one cluster. */
export interface ListenerOptions {
  readonly name: string
  readonly cluster: string
  /** `codec_type`. */
  readonly codec: 'AUTO' | 'HTTP1' | 'HTTP2'
  /** TLS with ALPN of h2 and http/1.1. */
  readonly tls?: TlsFiles
  /** A client must show a certificate of the mesh, `false` by default. */
  readonly mutual?: boolean
  /** Further fields of the connection manager. */
  readonly manager?: JsonObject
  /** Further fields of the route's action. */
  readonly action?: JsonObject
}

/** An Envoy `Listener` on a free port of loopback. */
export function toListener(options: ListenerOptions): JsonObject {
  const { name, cluster, codec, tls } = options
  const route = { cluster, timeout: '0s', ...options.action }
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: codec,
    stat_prefix: name,
    route_config: {
      name,
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] }],
    },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } },
    ],
    ...options.manager,
  }
  const context = tls && {
    common_tls_context: { ...commonTls(tls, options.mutual === true), alpn_protocols: ['h2', 'http/1.1'] },
    ...(options.mutual === true ? { require_client_certificate: true } : {}),
  }
  const filter = { name: 'envoy.filters.network.http_connection_manager', typed_config: manager }
  const chain: JsonObject = { filters: [filter], ...(context && transportSocket('Downstream', context)) }
  return { name, address: address(0), filter_chains: [chain] }
}

/** A cluster of one endpoint on loopback. */
export interface ClusterOptions {
  readonly name: string
  readonly port: number
  readonly protocol: 'HTTP1' | 'HTTP2'
  /** Mutual TLS to a member of the mesh. */
  readonly tls?: TlsFiles
}

/** An Envoy `Cluster` with one endpoint. */
export function toCluster({ name, port, protocol, tls }: ClusterOptions): JsonObject {
  const options: JsonObject = {
    '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: protocol === 'HTTP2' ? { http2_protocol_options: {} } : { http_protocol_options: {} },
  }
  const context = tls && { common_tls_context: { ...commonTls(tls, true), alpn_protocols: ['h2'] } }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options },
    ...(context && transportSocket('Upstream', context)),
  }
}

/** An Envoy bootstrap of static resources. */
export function toBootstrap(listeners: readonly JsonObject[], clusters: readonly JsonObject[]): MakeBootstrap {
  return (admin) => ({
    node: { id: 'conformance', cluster: 'conformance' },
    admin: { address: address(admin.port, admin.host) },
    static_resources: { listeners: [...listeners], clusters: [...clusters] },
  })
}

function address(port: number, host = '127.0.0.1'): JsonObject {
  return { socket_address: { address: host, port_value: port } }
}

function commonTls({ ca, certificate, key }: TlsFiles, mesh: boolean): JsonObject {
  const matcher = { san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }
  return {
    // Envoy's client side speaks TLS 1.2 at most by default.
    tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }],
    ...(mesh && {
      validation_context: { trusted_ca: { filename: ca }, match_typed_subject_alt_names: [matcher] },
    }),
  }
}

function transportSocket(side: 'Downstream' | 'Upstream', context: JsonObject): JsonObject {
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: { '@type': `${type}.transport_sockets.tls.v3.${side}TlsContext`, ...context },
    },
  }
}
