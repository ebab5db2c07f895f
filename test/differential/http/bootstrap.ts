import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

import { type HttpCase, probeBody } from './case.ts'
import type { AdminAddress } from './proxies.ts'

/** Ports that differ between the two proxies; all else in their bootstraps is the same. */
export interface BootstrapPorts {
  readonly admin: AdminAddress
  /** One upstream for each case. */
  readonly upstreams: readonly number[]
}

const type = 'type.googleapis.com/envoy.extensions'

/** Name of the listener, and of the cluster, of a case. */
export function caseName(index: number): string {
  return `case-${index}`
}

/** An Envoy bootstrap with a listener and a cluster for each case; listeners take ports that are free. */
export function toBootstrap(cases: readonly HttpCase[], ports: BootstrapPorts): JsonObject {
  return {
    node: { id: 'differential', cluster: 'differential' },
    admin: { address: socket(ports.admin.port, ports.admin.host) },
    static_resources: {
      listeners: cases.map(toListener),
      clusters: [
        ...cases.map((test, index) => toCluster(caseName(index), ports.upstreams[index] ?? 0, test.cluster)),
        // The port of a service that nobody runs.
        toCluster('refused', 1),
      ],
    },
  }
}

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

function endpoint(port: number): JsonObject {
  return { endpoint: { address: socket(port) } }
}

function toCluster(name: string, port: number, fields: JsonObject = {}): JsonObject {
  return withNames(
    {
      name,
      type: 'STATIC',
      connect_timeout: '2s',
      load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint(port)] }] },
      ...fields,
    },
    name,
    port,
  )
}

function toListener(test: HttpCase, index: number): JsonObject {
  const routes = test.routes ?? [{ match: { prefix: '/' }, route: { cluster: 'CLUSTER' } }]
  const virtualHosts: JsonValue[] = [
    {
      name: 'probe',
      domains: ['probe.test'],
      routes: [{ match: { path: '/probe' }, direct_response: { status: 200, body: { inline_string: probeBody } } }],
    },
    { name: 'case', domains: ['*'], routes: [...routes], ...test.virtualHost },
  ]
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: 'HTTP1',
    stat_prefix: 'case',
    route_config: { name: caseName(index), validate_clusters: false, virtual_hosts: virtualHosts },
    http_filters: [
      ...(test.filters ?? []),
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } },
    ],
    ...test.manager,
  }
  const listener: JsonObject = {
    name: caseName(index),
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  }
  return withNames(listener, caseName(index), 0)
}

/** Puts names and ports where a case has stand-ins. */
function withNames(value: JsonObject, cluster: string, port: number): JsonObject {
  const text = JSON.stringify(value)
    .replaceAll('"CLUSTER"', JSON.stringify(cluster))
    .replaceAll('"REFUSED"', '"refused"')
    .replaceAll('"PORT"', String(port))
  return JSON.parse(text) as JsonObject
}
