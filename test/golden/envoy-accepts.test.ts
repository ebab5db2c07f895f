/** Real Envoy reads every resource of every golden case: all cases in one bootstrap, `envoy --mode validate`. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { expect, test } from 'bun:test'
import { resourceToJson } from '../../src/compile/index.ts'
import { TypeUrl, type XdsType } from '../../src/xds/index.ts'
import { casesFolder, compileCase } from './compile-case.ts'

const envoy = Bun.which('envoy')

/** Resources of one type as JSON objects. */
function jsonOf(name: string, type: XdsType): JsonObject[] {
  const resources = compileCase(name).snapshot.get(type)?.values() ?? []
  return [...resources].map((resource) => resourceToJson(resource) as JsonObject)
}

function object(value: JsonValue | undefined): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('Expected an object')
  return value
}

/** What one bootstrap cannot hold twice (names, addresses) is numbered; the rest stays as compiled. */
function bootstrap(names: readonly string[]): JsonObject {
  const clusters: JsonObject[] = [grpcCluster('xds-grpc'), grpcCluster('sds-grpc')]
  const listeners: JsonObject[] = []
  let port = 10_000
  const listener = (json: JsonObject, name: string): void => {
    object(object(json['address'])['socket_address'])['port_value'] = port++
    listeners.push({ ...json, name: `${name} ${String(json['name'])}` })
  }
  for (const name of names) {
    for (const json of jsonOf(name, TypeUrl.cluster))
      clusters.push({ ...json, name: `${name} ${String(json['name'])}` })
    for (const json of jsonOf(name, TypeUrl.endpoints)) {
      const title = `${name} endpoints ${String(json['cluster_name'])}`
      clusters.push({ name: title, type: 'STATIC', connect_timeout: '1s', load_assignment: json })
    }
    for (const json of jsonOf(name, TypeUrl.listener)) listener(json, name)
    const tables = jsonOf(name, TypeUrl.route)
    const hosts = jsonOf(name, TypeUrl.virtualHost)
    for (const table of tables) {
      const { vhds: _vhds, ...inline } = table
      const held = Array.isArray(inline['virtual_hosts']) ? inline['virtual_hosts'] : []
      listener(routeListener({ ...inline, validate_clusters: false, virtual_hosts: [...held, ...hosts] }), name)
    }
  }
  return {
    node: { id: 'golden', cluster: 'golden' },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: { clusters, listeners },
  }
}

function grpcCluster(name: string): JsonObject {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [] },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }
}

/** Virtual hosts travel by VHDS; inline in a route table Envoy judges them at once. */
function routeListener(table: JsonObject): JsonObject {
  const typed = (type: string, fields: JsonObject): JsonObject => ({
    '@type': `type.googleapis.com/envoy.extensions.filters.${type}`,
    ...fields,
  })
  const manager = typed('network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'golden',
    route_config: table,
    http_filters: [
      { name: 'envoy.filters.http.fault', typed_config: typed('http.fault.v3.HTTPFault', {}) },
      { name: 'envoy.filters.http.router', typed_config: typed('http.router.v3.Router', {}) },
    ],
  })
  return {
    name: 'routes',
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  }
}

test.skipIf(envoy === null)(
  'Envoy accepts all resources of all golden cases',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-golden-'))
    try {
      const path = join(folder, 'bootstrap.json')
      // Envoy opens files of TLS contexts when it validates; here they need not exist.
      const cases = readdirSync(casesFolder).filter((name) => name !== 'tls-modes')
      writeFileSync(path, JSON.stringify(bootstrap(cases)))
      const run = Bun.spawn(
        [envoy ?? 'envoy', '--mode', 'validate', '-c', path, '-l', 'warning', '--use-dynamic-base-id'],
        {
          stdout: 'pipe',
          stderr: 'pipe',
        },
      )
      const [out, log, code] = await Promise.all([
        new Response(run.stdout).text(),
        new Response(run.stderr).text(),
        run.exited,
      ])
      expect(`${out}${log}`).toContain('OK')
      expect(code).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  60_000,
)
