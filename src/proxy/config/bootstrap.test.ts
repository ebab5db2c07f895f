import { expect, test } from 'bun:test'

import { readBootstrap } from './bootstrap.ts'
import type { FieldFault } from './field-fault.ts'

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

const sound = `node:
  id: p1
  cluster: weft
  metadata: { NAME: reviews }
admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 15000 } }
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [ { envoy_grpc: { cluster_name: xds-grpc } } ]
  cds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
  - name: plain
    type: STATIC
  - name: xds-grpc
    type: STRICT_DNS
    typed_extension_protocol_options:
      ${httpOptions}:
        "@type": type.googleapis.com/${httpOptions}
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: xds-grpc
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: localhost, port_value: 15012 } } } } ] } ]
  secrets:
  - name: ROOTCA
    validation_context: { trusted_ca: { filename: /ca.pem } }
`

function faults(text: string): readonly FieldFault[] {
  const result = readBootstrap(text, { readFile: () => 'PEM' })
  return result.ok ? [] : result.error
}

test('readBootstrap() reads node, admin, static resources and the ADS server', () => {
  const result = readBootstrap(sound, { readFile: (path) => `content of ${path}` })
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value).toMatchObject({
    node: { id: 'p1', cluster: 'weft', metadata: { NAME: 'reviews' }, locality: { region: '' } },
    admin: { address: '127.0.0.1', port: 15000 },
    staticListeners: [],
    staticClusters: [{ name: 'plain' }],
    staticSecrets: [{ kind: 'validation', name: 'ROOTCA', validation: { trustedCa: 'content of /ca.pem' } }],
    ads: {
      cluster: { name: 'xds-grpc', endpoints: [{ address: 'localhost', port: 15012 }] },
      delta: true,
      clusters: true,
      listeners: false,
    },
  })
})

test('readBootstrap() refuses a key that is a list or a map with its line', () => {
  expect(faults('node:\n  id: a\n  ? { NAME: reviews }\n  : b\n')).toMatchObject([{ path: 'line 3' }])
})

test('readBootstrap() reads JSON', () => {
  const result = readBootstrap('{"node": {"id": "a"}, "staticResources": {"clusters": [{"name": "c"}]}}')
  expect(result).toMatchObject({
    ok: true,
    value: { node: { id: 'a' }, staticClusters: [{ name: 'c' }], ads: undefined },
  })
})

test.each([
  ['id: p1', 'id: 7', 'node.id', 'line 2'],
  ['cluster: weft', 'clutser: weft', 'node.clutser', 'line 3'],
  ['admin:', 'layered_runtime: { layers: [] }\nadmin:', 'layered_runtime', 'line 5'],
  ['admin:', 'tracing: {}\nadmin:', 'tracing', 'line 5'],
  ['port_value: 15000', 'port_value: 70000', 'admin.address.socket_address.port_value', 'line 6'],
  ['address: 127.0.0.1', 'address: 127.0.0.300', 'admin.address.socket_address.address', 'line 6'],
  ['DELTA_GRPC', 'REST', 'dynamic_resources.ads_config.api_type', 'line 9'],
  ['DELTA_GRPC', 'DELTA_GRCP', 'dynamic_resources.ads_config.api_type', 'line 9'],
  [
    'cluster_name: xds-grpc } }',
    'cluster_name: other } }',
    'dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name',
    'line 11',
  ],
  [
    '{ ads: {}, resource_api_version: V3 }',
    '{ path_config_source: { path: /x } }',
    'dynamic_resources.cds_config.path_config_source',
    'line 12',
  ],
  [
    'type: STATIC',
    'type: STATIC\n    preconnect_policy: {}',
    'static_resources.clusters[0].preconnect_policy',
    'line 17',
  ],
  ['name: plain', 'name: xds-grpc', 'static_resources.clusters[1].name', 'line 17'],
  [
    `type.googleapis.com/${httpOptions}`,
    'type.googleapis.com/a.B',
    `static_resources.clusters[1].typed_extension_protocol_options["${httpOptions}"]`,
    'line 21',
  ],
  ['endpoints: [', 'endpoints: { a: [', 'static_resources', ''],
])('readBootstrap() with %p instead of %p blames %s', (before, after, path, line) => {
  const text = sound.replace(before, after)
  expect(text).not.toBe(sound)
  const found = faults(text)
  if (line === '') {
    expect(found.length).toBeGreaterThan(0)
    return
  }
  const fault = found.find((candidate) => candidate.path === path)
  expect(found.map((candidate) => candidate.path)).toContain(path)
  expect(fault?.message).toContain(line)
})

test('readBootstrap() reports every fault at once', () => {
  const text = sound
    .replace('id: p1', 'id: 7')
    .replace('type: STATIC', 'type: STATICC')
    .replace('name: ROOTCA', 'nam: ROOTCA')
  expect(faults(text).map(({ path }) => path)).toEqual([
    'node.id',
    'static_resources.clusters[0].type',
    'static_resources.secrets[0].nam',
  ])
})

test.each([
  ['', 'Expected an object'],
  ['- a', 'Expected an object'],
  ['a: [', 'line 1'],
  ['node: { id: a, id: b }', 'line 1'],
  [
    'x: &a [1]\ny: [' + '*a,'.repeat(200) + ']\nz: &b [' + '*a,'.repeat(200) + ']\nq: [' + '*b,'.repeat(200) + ']',
    'alias',
  ],
])('readBootstrap() refuses %p', (text, expected) => {
  const all = faults(text).map(({ path, message }) => `${path}: ${message}`)
  expect(all.join('\n')).toContain(expected)
})

test.each([
  ['YAML', (depth: number) => `node: { id: n, cluster: c, metadata: ${'{ a: '.repeat(depth)}1${' }'.repeat(depth)} }`],
  ['JSON', (depth: number) => `{"node": {"id": "n", "metadata": ${'{"a": '.repeat(depth)}1${'}'.repeat(depth)}}}`],
] as const)('readBootstrap() of %s that nests without end answers and does not throw', (_name, write) => {
  expect(readBootstrap(write(50)).ok).toBe(true)
  const deep = readBootstrap(write(5000))
  expect(deep.ok ? [] : deep.error.map(({ message }) => message)).not.toEqual([])
})
