import type { JsonObject } from '@bufbuild/protobuf'

import type { AdminAddress } from '../http/proxies.ts'

const type = 'type.googleapis.com/envoy.extensions'

/** A listener under test. */
interface ListenerCase {
  readonly fields: JsonObject
  /** Conditions by the name of the chain, which is the name of its upstream too. */
  readonly chains: Readonly<Record<string, JsonObject>>
  readonly fallback?: string
}

function listenerFilter(name: string, message: string, fields: JsonObject = {}): JsonObject {
  return {
    name: `envoy.filters.listener.${name}`,
    typed_config: { '@type': `${type}.filters.listener.${name}.v3.${message}`, ...fields },
  }
}

const tls = listenerFilter('tls_inspector', 'TlsInspector')
const http = listenerFilter('http_inspector', 'HttpInspector')
const proxy = (fields: JsonObject = {}): JsonObject => listenerFilter('proxy_protocol', 'ProxyProtocol', fields)
const ranges = (...texts: string[]): JsonObject[] =>
  texts.map((text) => {
    const [address = '', length = ''] = text.split('/')
    return { address_prefix: address, prefix_len: Number(length) }
  })

/** By name. Silent clients are waited for 0.3 s. */
export const listeners: Readonly<Record<string, ListenerCase>> = {
  detection: {
    fields: {
      listener_filters: [tls, http],
      listener_filters_timeout: '0.3s',
      continue_on_listener_filters_timeout: true,
    },
    chains: {
      'exact name': { server_names: ['www.example.com', 'a'] },
      'name by suffix': { server_names: ['*.example.com'] },
      'name by longer suffix, TLS': { server_names: ['*.b.example.com'], transport_protocol: 'tls' },
      'name with a protocol': { server_names: ['c.test'], application_protocols: ['h2'] },
      'TLS h2': { transport_protocol: 'tls', application_protocols: ['h2', 'istio'] },
      'TLS http/1.1': { transport_protocol: 'tls', application_protocols: ['http/1.1'] },
      TLS: { transport_protocol: 'tls' },
      'plain HTTP/1': { transport_protocol: 'raw_buffer', application_protocols: ['http/1.1', 'http/1.0'] },
      'plain HTTP/2': { transport_protocol: 'raw_buffer', application_protocols: ['h2c'] },
      opaque: { transport_protocol: 'raw_buffer' },
    },
  },
  'no inspector': {
    fields: { listener_filters_timeout: '0.3s', continue_on_listener_filters_timeout: false },
    chains: { 'named d': { server_names: ['d.test'] } },
    fallback: 'no name',
  },
  addresses: {
    fields: { listener_filters: [proxy()], listener_filters_timeout: '0.3s' },
    chains: {
      'port 443': { destination_port: 443 },
      'port 443 in ten': { destination_port: 443, prefix_ranges: ranges('10.0.0.0/8') },
      'port 443 in ten one': { destination_port: 443, prefix_ranges: ranges('10.1.0.0/16', '2001:db8::/32') },
      'port 8443 in ten': { destination_port: 8443, prefix_ranges: ranges('10.0.0.0/8') },
      'from ten': { source_prefix_ranges: ranges('10.0.0.0/8') },
      'from ten, port 5000': { source_prefix_ranges: ranges('10.0.0.0/8'), source_ports: [5000, 5001] },
      'from loopback or itself': { source_type: 'SAME_IP_OR_LOOPBACK' },
      'from outside': { source_type: 'EXTERNAL', source_prefix_ranges: ranges('172.16.0.0/12', '2001:db8::/32') },
      'through loopback, port 7': {
        destination_port: 7,
        direct_source_prefix_ranges: ranges('127.0.0.0/8'),
        source_prefix_ranges: ranges('192.0.2.0/24'),
      },
      'not through loopback, port 7': { destination_port: 7, direct_source_prefix_ranges: ranges('10.0.0.0/8') },
    },
    fallback: 'nothing fits',
  },
  'header needed': {
    fields: { listener_filters: [proxy(), tls], listener_filters_timeout: '0.3s' },
    chains: { 'behind a header': {}, 'TLS behind a header': { transport_protocol: 'tls' } },
  },
  'header allowed': {
    fields: {
      listener_filters: [proxy({ allow_requests_without_proxy_protocol: true })],
      listener_filters_timeout: '0.3s',
      continue_on_listener_filters_timeout: true,
    },
    chains: { 'told by version 1': {} },
  },
  'version 2 needed': {
    fields: { listener_filters: [proxy({ disallowed_versions: ['V1'] })], listener_filters_timeout: '0.3s' },
    chains: { 'told by version 2': {} },
  },
  'version 1 allowed': {
    fields: {
      listener_filters: [proxy({ allow_requests_without_proxy_protocol: true, disallowed_versions: ['V2'] })],
      listener_filters_timeout: '0.3s',
    },
    chains: { 'told by nobody': {} },
  },
}

/** Upstreams that are told the client's address, and in which version. */
const told: Readonly<Record<string, string>> = { 'told by version 1': 'V1', 'told by version 2': 'V2' }

/** Names of all upstreams. */
export const upstreamNames: readonly string[] = Object.values(listeners).flatMap(({ chains, fallback }) => [
  ...Object.keys(chains),
  ...(fallback === undefined ? [] : [fallback]),
])

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

/** The bootstrap; `ports` are those of the upstreams in the order of their names. */
export function toBootstrap(admin: AdminAddress, ports: readonly number[]): JsonObject {
  return {
    node: { id: 'l4', cluster: 'l4' },
    admin: { address: socket(admin.port, admin.host) },
    static_resources: {
      listeners: Object.entries(listeners).map(([name, test]) => toListener(name, test)),
      clusters: upstreamNames.map((name, index) => toCluster(name, ports[index] ?? 0)),
    },
  }
}

function toListener(name: string, { fields, chains, fallback }: ListenerCase): JsonObject {
  return {
    name,
    address: socket(0),
    ...fields,
    filter_chains: Object.entries(chains).map(([chain, match]) => ({ ...toChain(chain), filter_chain_match: match })),
    ...(fallback === undefined ? {} : { default_filter_chain: toChain(fallback) }),
  }
}

function toChain(name: string): JsonObject {
  const config = { '@type': `${type}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'l4', cluster: name }
  return { name, filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: config }] }
}

function toCluster(name: string, port: number): JsonObject {
  const version = told[name]
  const transport: JsonObject = {
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    typed_config: {
      '@type': `${type}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
      config: { version: version ?? '' },
      transport_socket: {
        name: 'envoy.transport_sockets.raw_buffer',
        typed_config: { '@type': `${type}.transport_sockets.raw_buffer.v3.RawBuffer` },
      },
    },
  }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }] },
    ...(version === undefined ? {} : { transport_socket: transport }),
  }
}
