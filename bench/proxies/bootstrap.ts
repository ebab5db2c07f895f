import { writeFileSync } from 'node:fs'

import type { Setup } from '../scenario.ts'

const typeOf = (name: string): string => `type.googleapis.com/envoy.${name}`

/** Requests between the two proxies share connections of HTTP/2. */
const multiplexed = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': typeOf('extensions.upstreams.http.v3.HttpProtocolOptions'),
      auto_config: { http_protocol_options: {}, http2_protocol_options: {} },
    },
  },
}

interface Role {
  readonly name: string
  readonly protocol: Setup['protocol']
  readonly listenPort: number
  readonly upstreamPort: number
  readonly serverTls?: object
  readonly clientTls?: object
}

function commonTls(setup: Setup): object {
  const files = setup.pair?.certificates
  return {
    // Envoy's client side speaks TLS 1.2 at most by default.
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: files?.certificate }, private_key: { filename: files?.key } }],
    validation_context: {
      trusted_ca: { filename: files?.ca },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
    },
  }
}

function bootstrap(role: Role): object {
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'backend', timeout: '0s' } }]
  const manager = {
    '@type': typeOf('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: role.name,
    generate_request_id: false,
    route_config: { name: 'local', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': typeOf('extensions.filters.http.router.v3.Router') },
      },
    ],
  }
  const socket = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const tls = (side: string, value: object | undefined): object =>
    value === undefined
      ? {}
      : {
          transport_socket: {
            name: 'envoy.transport_sockets.tls',
            typed_config: { '@type': typeOf(`extensions.transport_sockets.tls.v3.${side}TlsContext`), ...value },
          },
        }
  const endpoint = { endpoint: { address: socket(role.upstreamPort) } }
  const cluster = {
    name: 'backend',
    type: 'STATIC',
    connect_timeout: '5s',
    lb_policy: 'ROUND_ROBIN',
    load_assignment: { cluster_name: 'backend', endpoints: [{ lb_endpoints: [endpoint] }] },
    ...tls('Upstream', role.clientTls),
    ...(role.clientTls === undefined ? {} : multiplexed),
  }
  const tcpProxy = {
    '@type': typeOf('extensions.filters.network.tcp_proxy.v3.TcpProxy'),
    stat_prefix: role.name,
    cluster: 'backend',
  }
  const filter =
    role.protocol === 'tcp'
      ? { name: 'envoy.filters.network.tcp_proxy', typed_config: tcpProxy }
      : { name: 'envoy.filters.network.http_connection_manager', typed_config: manager }
  const listener = {
    name: 'in',
    address: socket(role.listenPort),
    filter_chains: [{ filters: [filter], ...tls('Downstream', role.serverTls) }],
  }
  return { node: { id: role.name, cluster: 'bench' }, static_resources: { listeners: [listener], clusters: [cluster] } }
}

/** Writes the Envoy bootstrap files of a setup, one for each process. Envoy and Weft are given the very same files. */
export function writeBootstraps(setup: Setup): readonly string[] {
  const { pair, listenPort, backendPort, protocol } = setup
  const roles: Role[] =
    pair === undefined
      ? [{ name: 'proxy', protocol, listenPort, upstreamPort: backendPort }]
      : [
          {
            name: 'client',
            protocol,
            listenPort,
            upstreamPort: pair.port,
            clientTls: { common_tls_context: commonTls(setup) },
          },
          {
            name: 'server',
            protocol,
            listenPort: pair.port,
            upstreamPort: backendPort,
            serverTls: {
              common_tls_context: { ...commonTls(setup), alpn_protocols: ['h2', 'http/1.1'] },
              require_client_certificate: true,
            },
          },
        ]
  return roles.map((role) => {
    const path = `${setup.folder}/bootstrap-${role.name}.json`
    writeFileSync(path, JSON.stringify(bootstrap(role), null, 2))
    return path
  })
}
