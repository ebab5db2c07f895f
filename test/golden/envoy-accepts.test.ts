/** Real Envoy reads every resource of every golden case: all cases in one bootstrap, `envoy --mode validate`. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import 'reflect-metadata'
import { BasicConstraintsExtension, PemConverter, X509CertificateGenerator } from '@peculiar/x509'
import { afterAll, describe, expect, test } from 'bun:test'
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

function text(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw new Error('Expected a text')
  return value
}

/** What one bootstrap cannot hold twice (names, addresses) is numbered; the rest stays as compiled. */
function bootstrap(names: readonly string[]): JsonObject {
  const clusters: JsonObject[] = [grpcCluster('xds-grpc'), grpcCluster('sds-grpc')]
  const listeners: JsonObject[] = []
  let port = 10_000
  const listener = (json: JsonObject, name: string): void => {
    object(object(json['address'])['socket_address'])['port_value'] = port++
    listeners.push({ ...json, name: `${name} ${text(json['name'])}` })
  }
  for (const name of names) {
    for (const json of jsonOf(name, TypeUrl.cluster)) clusters.push({ ...json, name: `${name} ${text(json['name'])}` })
    for (const json of jsonOf(name, TypeUrl.endpoints)) {
      const title = `${name} endpoints ${text(json['cluster_name'])}`
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

/** Writes a certificate and its key; Envoy opens the files of TLS contexts when it validates. */
async function writeCertificate(folder: string): Promise<{ readonly chain: string; readonly key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=golden',
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true)],
  })
  const chain = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  writeFileSync(chain, certificate.toString('pem'))
  writeFileSync(key, PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'))
  return { chain, key }
}

async function validate(path: string): Promise<{ readonly code: number; readonly log: string }> {
  const argv = [envoy ?? 'envoy', '--mode', 'validate', '-c', path, '-l', 'warning', '--use-dynamic-base-id']
  const run = Bun.spawn(argv, { stdout: 'pipe', stderr: 'pipe' })
  const [out, log, code] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  return { code, log: `${out}${log}` }
}

describe.skipIf(envoy === null)('Envoy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-golden-'))
  const path = join(folder, 'bootstrap.json')
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  test('accepts all resources of all golden cases', async () => {
    const { chain, key } = await writeCertificate(folder)
    const files = ['/etc/files/ca.pem', '/etc/files/client.pem', '/etc/ssl/certs/ca-certificates.crt']
    let json = JSON.stringify(bootstrap(readdirSync(casesFolder))).replaceAll('/etc/files/client-key.pem', key)
    for (const file of files) json = json.replaceAll(file, chain)
    writeFileSync(path, json)
    const { code, log } = await validate(path)
    expect(log).toContain('OK')
    expect(code).toBe(0)
  }, 60_000)

  test('would refuse a field that it does not know', async () => {
    writeFileSync(path, JSON.stringify({ ...bootstrap(['default-route']), no_such_field: true }))
    const { code } = await validate(path)
    expect(code).not.toBe(0)
  }, 60_000)
})
