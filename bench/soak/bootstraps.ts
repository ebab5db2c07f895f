/** Configuration of the three proxies: a client-side and a server-side one with mutual TLS between them, and a gateway fed by ADS. */
import type { JsonObject } from '@bufbuild/protobuf'

/** Where everything of a run is; ports of 127.0.0.1. */
export interface SoakPorts {
  readonly client: number
  readonly server: number
  readonly gatewayTls: number
  readonly gatewayTcp: number
  readonly gatewayUdp: number
  /** A listener that comes and goes. */
  readonly gatewayExtra: number
  readonly http: number
  readonly grpc: number
  readonly tcp: number
  readonly udp: number
  readonly bad: number
  readonly adminClient: number
  readonly adminServer: number
  readonly adminGateway: number
  /** While it holds `1`, proxies collect garbage and give back free pages. */
  readonly pressureFile: string
}

/** Files of an identity. */
export interface IdentityFiles {
  readonly certificate: string
  readonly key: string
  readonly ca: string
}

const typeOf = (name: string): string => `type.googleapis.com/envoy.${name}`

/** Idle connections to upstreams are closed after so long: a quiet moment is one without connections. */
export const upstreamIdleSeconds = 5

/** Slow heads are cut after so long. */
export const headSeconds = 3

function address(port: number, protocol: 'TCP' | 'UDP' = 'TCP'): JsonObject {
  return { socket_address: { protocol, address: '127.0.0.1', port_value: port } }
}

function commonTls({ certificate, key, ca }: IdentityFiles): JsonObject {
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }],
    validation_context: {
      trusted_ca: { filename: ca },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
    },
  }
}

/** The chain's TLS: `DownstreamTlsContext` or `UpstreamTlsContext`. */
function tlsSocket(side: 'Downstream' | 'Upstream', value: JsonObject): JsonObject {
  const type = typeOf(`extensions.transport_sockets.tls.v3.${side}TlsContext`)
  return {
    transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: { '@type': type, ...value } },
  }
}

/** A filter chain's connection manager. */
export function httpManager(name: string, routes: readonly JsonObject[], fields: JsonObject = {}): JsonObject {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': typeOf('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: name,
      generate_request_id: false,
      request_headers_timeout: `${headSeconds}s`,
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      route_config: { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes: [...routes] }] },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': typeOf('extensions.filters.http.router.v3.Router') },
        },
      ],
      ...fields,
    },
  }
}

/** gRPC-shaped requests, misdeeds, and everything else. */
export function upstreamRoutes(): JsonObject[] {
  return [
    { match: { prefix: '/soak.Echo/' }, route: { cluster: 'grpc', timeout: '0s' } },
    { match: { prefix: '/bad/' }, route: { cluster: 'bad', timeout: '1s' } },
    { match: { prefix: '/' }, route: { cluster: 'http', timeout: '15s' } },
  ]
}

/** A cluster of one loopback endpoint. */
export function cluster(name: string, port: number, protocol: 'http1' | 'http2' | 'auto' = 'http1'): JsonObject {
  const http2 = { http2_protocol_options: { allow_connect: true } }
  const protocols = {
    http1: { explicit_http_config: { http_protocol_options: {} } },
    http2: { explicit_http_config: http2 },
    auto: { auto_config: { http_protocol_options: {}, ...http2 } },
  }
  return {
    ...staticCluster(name, port),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': typeOf('extensions.upstreams.http.v3.HttpProtocolOptions'),
        common_http_protocol_options: { idle_timeout: `${upstreamIdleSeconds}s` },
        ...protocols[protocol],
      },
    },
  }
}

function staticCluster(name: string, port: number): JsonObject {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  }
}

/** The clusters of the applications. */
export function upstreamClusters(ports: SoakPorts): JsonObject[] {
  return [
    cluster('http', ports.http),
    cluster('grpc', ports.grpc, 'http2'),
    cluster('bad', ports.bad),
    cluster('tcp', ports.tcp),
    cluster('udp', ports.udp),
  ]
}

function bootstrap(name: string, adminPort: number, ports: SoakPorts, fields: JsonObject): JsonObject {
  const monitor = 'envoy.resource_monitors.injected_resource'
  return {
    node: { id: name, cluster: 'soak' },
    admin: { address: address(adminPort) },
    overload_manager: {
      refresh_interval: '0.25s',
      resource_monitors: [
        {
          name: monitor,
          typed_config: {
            '@type': typeOf('extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig'),
            filename: ports.pressureFile,
          },
        },
      ],
      actions: [{ name: 'envoy.overload_actions.shrink_heap', triggers: [{ name: monitor, threshold: { value: 1 } }] }],
    },
    ...fields,
  }
}

/** Plain HTTP/1.1 and HTTP/2 in, HTTP/2 over mutual TLS out. */
export function clientBootstrap(ports: SoakPorts, identity: IdentityFiles): JsonObject {
  const server = {
    ...cluster('server', ports.server, 'auto'),
    ...tlsSocket('Upstream', { common_tls_context: commonTls(identity) }),
  }
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'server', timeout: '0s' } }]
  return bootstrap('soak-client', ports.adminClient, ports, {
    static_resources: {
      listeners: [
        { name: 'in', address: address(ports.client), filter_chains: [{ filters: [httpManager('client', routes)] }] },
      ],
      clusters: [server],
    },
  })
}

/** Mutual TLS in, the applications' protocols out. */
export function serverBootstrap(ports: SoakPorts, identity: IdentityFiles): JsonObject {
  const tls = tlsSocket('Downstream', {
    common_tls_context: { ...commonTls(identity), alpn_protocols: ['h2', 'http/1.1'] },
    require_client_certificate: true,
  })
  return bootstrap('soak-server', ports.adminServer, ports, {
    static_resources: {
      listeners: [
        {
          name: 'in',
          address: address(ports.server),
          filter_chains: [{ filters: [httpManager('server', upstreamRoutes())], ...tls }],
        },
      ],
      clusters: upstreamClusters(ports),
    },
  })
}

/** Only where its control plane is. */
export function gatewayBootstrap(ports: SoakPorts, planePort: number, identity: IdentityFiles): JsonObject {
  const control = {
    ...staticCluster('xds-grpc', planePort),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': typeOf('extensions.upstreams.http.v3.HttpProtocolOptions'),
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    ...tlsSocket('Upstream', { common_tls_context: { ...commonTls(identity), alpn_protocols: ['h2'] } }),
  }
  return bootstrap('soak-gateway', ports.adminGateway, ports, {
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: { clusters: [control] },
  })
}

/** Listeners of the gateway. `revision` shows in a response header; `extra` adds a listener that comes and goes. */
export function gatewayListeners(ports: SoakPorts, revision: number, extra: boolean): JsonObject[] {
  const tls = tlsSocket('Downstream', {
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'gateway', sds_config: { ads: {}, resource_api_version: 'V3' } }],
      alpn_protocols: ['h2', 'http/1.1'],
    },
  })
  const revisionHeader = { header: { key: 'x-revision', value: String(revision) } }
  const routes = upstreamRoutes().map((route) => ({ ...route, response_headers_to_add: [revisionHeader] }))
  const tcpProxy = {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': typeOf('extensions.filters.network.tcp_proxy.v3.TcpProxy'),
      stat_prefix: 'gateway-tcp',
      cluster: 'tcp',
    },
  }
  const udpProxy = {
    name: 'envoy.filters.udp_listener.udp_proxy',
    typed_config: {
      '@type': typeOf('extensions.filters.udp.udp_proxy.v3.UdpProxyConfig'),
      stat_prefix: 'gateway-udp',
      idle_timeout: '2s',
      matcher: {
        on_no_match: {
          action: {
            name: 'route',
            typed_config: { '@type': typeOf('extensions.filters.udp.udp_proxy.v3.Route'), cluster: 'udp' },
          },
        },
      },
    },
  }
  const http = [{ filters: [httpManager('gateway', routes)], ...tls }]
  return [
    { name: 'tls', address: address(ports.gatewayTls), filter_chains: http },
    { name: 'tcp', address: address(ports.gatewayTcp), filter_chains: [{ filters: [tcpProxy] }] },
    { name: 'udp', address: address(ports.gatewayUdp, 'UDP'), listener_filters: [udpProxy] },
    ...(extra
      ? [
          {
            name: 'extra',
            address: address(ports.gatewayExtra),
            filter_chains: [{ filters: [httpManager('extra', routes)] }],
          },
        ]
      : []),
  ]
}
