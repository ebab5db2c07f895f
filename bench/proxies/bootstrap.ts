import { writeFileSync } from 'node:fs'

import { callerHeader, routePrefixes } from '../job.ts'
import type { Certificates } from '../rig/certificates.ts'
import type { Setup } from '../scenario.ts'

const typeOf = (name: string): string => `type.googleapis.com/envoy.${name}`

interface Role {
  readonly name: string
  readonly protocol: Setup['protocol']
  readonly listenPort: number
  readonly upstreamPort: number
  /** The route table and retries of the side that calls; else one route. */
  readonly calls: boolean
  /** The authorization rule of the side that serves. */
  readonly authorizes: boolean
  readonly serverTls?: object
  readonly clientTls?: object
}

const tlsParams = {
  // Envoy's client side speaks TLS 1.2 at most by default.
  tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
}

function identity({ certificate, key }: Certificates): object {
  return { tls_certificates: [{ certificate_chain: { filename: certificate }, private_key: { filename: key } }] }
}

function meshTls(certificates: Certificates): object {
  return {
    ...tlsParams,
    ...identity(certificates),
    validation_context: {
      trusted_ca: { filename: certificates.ca },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
    },
  }
}

function routes(role: Role): readonly object[] {
  if (!role.calls) return [{ match: { prefix: '/' }, route: { cluster: 'backend', timeout: '0s' } }]
  const retry_policy = { retry_on: 'connect-failure,refused-stream,unavailable,reset', num_retries: 2 }
  return routePrefixes.map((prefix) => ({
    match: { prefix },
    route: { cluster: 'backend', timeout: '0s', retry_policy },
  }))
}

const authorization = {
  name: 'envoy.filters.http.rbac',
  typed_config: {
    '@type': typeOf('extensions.filters.http.rbac.v3.RBAC'),
    rules: {
      action: 'ALLOW',
      policies: {
        caller: {
          permissions: [{ header: { name: callerHeader.name, string_match: { exact: callerHeader.value } } }],
          principals: [{ any: true }],
        },
      },
    },
  },
}

function manager(role: Role): object {
  return {
    '@type': typeOf('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: role.name,
    generate_request_id: false,
    route_config: { name: 'local', virtual_hosts: [{ name: 'all', domains: ['*'], routes: routes(role) }] },
    http_filters: [
      ...(role.authorizes ? [authorization] : []),
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': typeOf('extensions.filters.http.router.v3.Router') },
      },
    ],
  }
}

/** HTTP/2 to the upstream: agreed on by TLS between the two proxies, known to a gRPC backend. */
function upstreamProtocol(role: Role): object {
  const settings =
    role.clientTls !== undefined
      ? { auto_config: { http_protocol_options: {}, http2_protocol_options: {} } }
      : role.protocol === 'grpc'
        ? { explicit_http_config: { http2_protocol_options: {} } }
        : undefined
  if (settings === undefined) return {}
  const type = 'extensions.upstreams.http.v3.HttpProtocolOptions'
  return { typed_extension_protocol_options: { [`envoy.${type}`]: { '@type': typeOf(type), ...settings } } }
}

function bootstrap(role: Role): object {
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
    ...upstreamProtocol(role),
  }
  const tcpProxy = {
    '@type': typeOf('extensions.filters.network.tcp_proxy.v3.TcpProxy'),
    stat_prefix: role.name,
    cluster: 'backend',
  }
  const filter =
    role.protocol === 'tcp'
      ? { name: 'envoy.filters.network.tcp_proxy', typed_config: tcpProxy }
      : { name: 'envoy.filters.network.http_connection_manager', typed_config: manager(role) }
  const listener = {
    name: 'in',
    address: socket(role.listenPort),
    filter_chains: [{ filters: [filter], ...tls('Downstream', role.serverTls) }],
  }
  return { node: { id: role.name, cluster: 'bench' }, static_resources: { listeners: [listener], clusters: [cluster] } }
}

function rolesOf(setup: Setup): readonly Role[] {
  const { pair, tls, listenPort, backendPort, protocol } = setup
  const alpn_protocols = ['h2', 'http/1.1']
  if (pair === undefined) {
    const serverTls = tls && { common_tls_context: { ...tlsParams, ...identity(tls), alpn_protocols } }
    const role = { name: 'proxy', protocol, listenPort, upstreamPort: backendPort, calls: true }
    return [{ ...role, authorizes: true, ...(serverTls && { serverTls }) }]
  }
  const mesh = meshTls(pair.certificates)
  return [
    {
      name: 'client',
      protocol,
      listenPort,
      upstreamPort: pair.port,
      calls: true,
      authorizes: false,
      clientTls: { common_tls_context: mesh },
    },
    {
      name: 'server',
      protocol,
      listenPort: pair.port,
      upstreamPort: backendPort,
      calls: false,
      authorizes: true,
      serverTls: { common_tls_context: { ...mesh, alpn_protocols }, require_client_certificate: true },
    },
  ]
}

/** Writes the Envoy bootstrap files of a setup, one for each process. Envoy and Weft are given the very same files. */
export function writeBootstraps(setup: Setup): readonly string[] {
  return rolesOf(setup).map((role) => {
    const path = `${setup.folder}/bootstrap-${role.name}.json`
    writeFileSync(path, JSON.stringify(bootstrap(role), null, 2))
    return path
  })
}
