import { describe, expect, test } from 'bun:test'
import { fromJson, toBinary, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'

import { TypeUrl } from '../../xds/index.ts'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { SecretSchema } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { anyTypes } from './any-types.ts'
import { compileCluster } from './compile-cluster.ts'
import type { CompileOptions } from './compile-context.ts'
import { compileEndpoints } from './compile-endpoints.ts'
import { compileSecret } from './compile-secret.ts'
import { decodeResource } from './decode-resource.ts'

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

function cluster(yaml: string, options?: CompileOptions): ReturnType<typeof compileCluster> {
  const json: JsonObject = parse(yaml)
  return compileCluster(fromJson(ClusterSchema, json, { registry: anyTypes }), options)
}

function paths(result: { ok: true } | { ok: false; error: readonly { path: string }[] }): readonly string[] {
  return result.ok ? [] : result.error.map(({ path }) => path)
}

test('compileCluster() compiles an outbound cluster as control planes write it', () => {
  const result = cluster(`
name: outbound|9080|v1|reviews.default.svc.cluster.local
type: EDS
eds_cluster_config: { eds_config: { ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3 }, service_name: reviews-v1 }
connect_timeout: 1.5s
lb_policy: LEAST_REQUEST
least_request_lb_config: { choice_count: 4 }
circuit_breakers: { thresholds: [ { max_connections: 7, max_retries: 4294967295, track_remaining: true } ] }
common_lb_config: { healthy_panic_threshold: { value: 0 } }
typed_extension_protocol_options:
  ${httpOptions}:
    "@type": type.googleapis.com/${httpOptions}
    explicit_http_config: { http_protocol_options: {} }
    common_http_protocol_options: { idle_timeout: 30s, max_requests_per_connection: 5 }
upstream_connection_options: { tcp_keepalive: { keepalive_time: 60, keepalive_interval: 7, keepalive_probes: 3 } }
metadata: { filter_metadata: { istio: { services: [ { host: reviews.default.svc.cluster.local, name: reviews, namespace: default } ] } } }
transport_socket_matches:
- name: tlsMode-istio
  match: { tlsMode: istio }
  transport_socket:
    name: tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      sni: outbound_.9080_.v1_.reviews
      common_tls_context:
        alpn_protocols: [ istio-http/1.1 ]
        tls_certificate_sds_secret_configs: [ { name: default } ]
        combined_validation_context:
          default_validation_context: { match_typed_subject_alt_names: [ { san_type: URI, matcher: { exact: "spiffe://cluster.local/ns/default/sa/reviews" } } ] }
          validation_context_sds_secret_config: { name: ROOTCA, sds_config: { ads: {} } }
- name: disabled
  match: {}
  transport_socket: { name: raw, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }
`)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value).toMatchObject({
    discovery: 'eds',
    edsName: 'reviews-v1',
    connectTimeoutMs: 1500,
    balancer: { kind: 'least-request', choiceCount: 4 },
    limits: { maxConnections: 7, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 4_294_967_295 },
    idleTimeoutMs: 30_000,
    maxRequestsPerConnection: 5,
    tcpKeepalive: { idleSeconds: 60, intervalSeconds: 7, probes: 3 },
    destination: { host: 'reviews.default.svc.cluster.local', name: 'reviews', namespace: 'default' },
    transportMatches: [
      {
        name: 'tlsMode-istio',
        match: new Map([['tlsMode', 'istio']]),
        tls: {
          certificate: { kind: 'named', name: 'default' },
          validation: { kind: 'named', name: 'ROOTCA' },
          subjectAltNames: [
            { type: 'uri', match: { kind: 'exact', value: 'spiffe://cluster.local/ns/default/sa/reviews' } },
          ],
          sni: 'outbound_.9080_.v1_.reviews',
          alpn: ['istio-http/1.1'],
          minVersion: 'TLSv1.2',
        },
      },
      { name: 'disabled', match: new Map(), tls: undefined },
    ],
  })
})

test('compileCluster() compiles the defaults, pass-through and DNS clusters', () => {
  const plain = cluster('{ name: c }')
  expect(plain.ok && plain.value).toMatchObject({
    discovery: 'static',
    endpoints: [],
    connectTimeoutMs: 5000,
    balancer: { kind: 'round-robin' },
    idleTimeoutMs: 3_600_000,
    maxRequestsPerConnection: 0,
    tls: undefined,
  })
  const passthrough = cluster('{ name: PassthroughCluster, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED }')
  expect(passthrough.ok && passthrough.value).toMatchObject({
    discovery: 'original-dst',
    balancer: { kind: 'original-dst' },
  })
  const dns = cluster(
    '{ name: d, type: STRICT_DNS, dns_refresh_rate: 30s, load_assignment: { cluster_name: d, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: db.example, port_value: 5432 } } } } ] } ] } }',
  )
  expect(dns.ok && dns.value).toMatchObject({
    dnsRefreshMs: 30_000,
    endpoints: [{ address: 'db.example', port: 5432 }],
  })
})

test.each([
  ['lb_policy: RING_HASH', { kind: 'ring-hash', minimumSize: 1024, maximumSize: 1_048_576 }],
  [
    'lb_policy: RING_HASH, ring_hash_lb_config: { minimum_ring_size: 100, maximum_ring_size: 200, hash_function: XX_HASH }',
    { kind: 'ring-hash', minimumSize: 100, maximumSize: 200 },
  ],
  ['lb_policy: MAGLEV', { kind: 'maglev', tableSize: 65_537 }],
  ['lb_policy: MAGLEV, maglev_lb_config: { table_size: 251 }', { kind: 'maglev', tableSize: 251 }],
] as const)('compileCluster() reads consistent hashing from { %s }', (fields, balancer) => {
  const result = cluster(`{ name: c, type: STATIC, ${fields} }`)
  expect(result.ok ? result.value.balancer : result.error).toEqual(balancer)
})

test.each([
  ['V1', 1],
  ['V2', 2],
])('compileCluster() compiles the PROXY protocol %s before TLS', (name, proxyProtocol) => {
  const sockets = 'type.googleapis.com/envoy.extensions.transport_sockets'
  const inner = `{ name: tls, typed_config: { "@type": ${sockets}.tls.v3.UpstreamTlsContext, sni: a.test } }`
  const outer = `{ name: p, typed_config: { "@type": ${sockets}.proxy_protocol.v3.ProxyProtocolUpstreamTransport, config: { version: ${name} }, transport_socket: ${inner} } }`
  const result = cluster(`{ name: c, type: STATIC, transport_socket: ${outer} }`)
  expect(result.ok ? result.value : result.error).toMatchObject({ proxyProtocol, tls: { sni: 'a.test' } })
  const tlvs = outer.replace(`version: ${name}`, 'pass_through_tlvs: {}')
  expect(paths(cluster(`{ name: c, type: STATIC, transport_socket: ${tlvs} }`))).toEqual([
    'transport_socket.typed_config.config.pass_through_tlvs',
  ])
})

describe('refused clusters', () => {
  test.each([
    ['preconnect_policy: {}', 'preconnect_policy'],
    ['health_checks: [ { timeout: 1s } ]', 'health_checks[0].interval'],
    ['lb_policy: LOAD_BALANCING_POLICY_CONFIG', 'lb_policy'],
    ['ring_hash_lb_config: {}', 'ring_hash_lb_config'],
    ['lb_policy: RING_HASH, maglev_lb_config: {}', 'maglev_lb_config'],
    [
      'lb_policy: RING_HASH, ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 }',
      'ring_hash_lb_config.minimum_ring_size',
    ],
    [
      'lb_policy: RING_HASH, ring_hash_lb_config: { maximum_ring_size: 8388608 }',
      'ring_hash_lb_config.maximum_ring_size',
    ],
    [
      'lb_policy: RING_HASH, ring_hash_lb_config: { hash_function: MURMUR_HASH_2 }',
      'ring_hash_lb_config.hash_function',
    ],
    ['lb_policy: MAGLEV, maglev_lb_config: { table_size: 65536 }', 'maglev_lb_config.table_size'],
    ['lb_policy: CLUSTER_PROVIDED', 'lb_policy'],
    ['type: ORIGINAL_DST', 'lb_policy'],
    ['cluster_type: { name: x }', 'cluster_type'],
    ['http2_protocol_options: {}', 'http2_protocol_options'],
    ['type: EDS', 'eds_cluster_config.eds_config'],
    ['type: LOGICAL_DNS', 'load_assignment.endpoints'],
    ['connect_timeout: 0s', 'connect_timeout'],
    ['common_lb_config: { healthy_panic_threshold: { value: 101 } }', 'common_lb_config.healthy_panic_threshold.value'],
    ['dns_lookup_family: V4_ONLY', 'dns_lookup_family'],
    ['circuit_breakers: { thresholds: [ { priority: HIGH } ] }', 'circuit_breakers.thresholds[0].priority'],
    [
      'upstream_connection_options: { tcp_keepalive: { keepalive_probes: 128 } }',
      'upstream_connection_options.tcp_keepalive.keepalive_probes',
    ],
    [
      'upstream_connection_options: { tcp_keepalive: { keepalive_interval: 0 } }',
      'upstream_connection_options.tcp_keepalive.keepalive_interval',
    ],
    [
      `typed_extension_protocol_options: { ${httpOptions}: { "@type": type.googleapis.com/${httpOptions}, explicit_http_config: { http3_protocol_options: {} } } }`,
      `typed_extension_protocol_options["${httpOptions}"].explicit_http_config.http3_protocol_options`,
    ],
    [
      `typed_extension_protocol_options: { x: { "@type": type.googleapis.com/${httpOptions}, explicit_http_config: { http_protocol_options: {} } } }`,
      'typed_extension_protocol_options["x"]',
    ],
    ['load_assignment: { cluster_name: c, endpoints: [ { priority: 129 } ] }', 'load_assignment.endpoints[0].priority'],
    [
      'load_assignment: { cluster_name: c, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: name, port_value: 1 } } } } ] } ] }',
      'load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address',
    ],
    [
      'transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { tls_params: { cipher_suites: [ x ] } } } }',
      'transport_socket.typed_config.common_tls_context.tls_params.cipher_suites[0]',
    ],
    [
      'transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { tls_params: { tls_minimum_protocol_version: TLSv1_1 } } } }',
      'transport_socket.typed_config.common_tls_context.tls_params.tls_minimum_protocol_version',
    ],
    [
      'transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { validation_context: { trusted_ca: { filename: /ca } } } } }',
      'transport_socket.typed_config.common_tls_context.validation_context.trusted_ca.filename',
    ],
    [
      'transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { validation_context: { trusted_ca: { inline_string: x }, match_typed_subject_alt_names: [ { san_type: DNS, matcher: { safe_regex: { regex: a } } } ] } } } }',
      'transport_socket.typed_config.common_tls_context.validation_context.match_typed_subject_alt_names[0].matcher',
    ],
  ])('{ %s } at %s', (field, path) => {
    expect(paths(cluster(`{ name: c, ${field} }`))).toContain(path)
  })
})

describe('connection_keepalive', () => {
  const keepalive = (fields: string): ReturnType<typeof cluster> => {
    const http2 = `{ http2_protocol_options: { connection_keepalive: { ${fields} } } }`
    return cluster(
      `{ name: c, type: STATIC, typed_extension_protocol_options: { ${httpOptions}: { "@type": type.googleapis.com/${httpOptions}, explicit_http_config: ${http2} } } }`,
    )
  }
  const path = `typed_extension_protocol_options["${httpOptions}"].explicit_http_config.http2_protocol_options.connection_keepalive`

  test('is compiled', () => {
    const result = keepalive('interval: 30s, timeout: 5s')
    const expected = { intervalMs: 30_000, timeoutMs: 5000 }
    expect(result.ok ? result.value.http2?.keepalive : result.error).toEqual(expected)
  })

  test('does nothing without an interval', () => {
    const result = keepalive('timeout: 5s')
    expect(result.ok ? result.value.http2?.keepalive : result.error).toBeUndefined()
  })

  test.each([
    ['interval: 30s', 'timeout'],
    ['interval: 0s, timeout: 5s', 'interval'],
    ['interval: 1s, timeout: 5s, connection_idle_interval: 1s', 'connection_idle_interval'],
  ])('{ %s } is refused', (fields, field) => {
    expect(paths(keepalive(fields))).toEqual([`${path}.${field}`])
  })
})

test('compileCluster() takes HTTP/2 options for the channel of the control plane', () => {
  const yaml = `{ name: xds-grpc, typed_extension_protocol_options: { ${httpOptions}: { "@type": type.googleapis.com/${httpOptions}, explicit_http_config: { http2_protocol_options: {} } } } }`
  expect(cluster(yaml, { controlChannel: true }).ok).toBe(true)
})

test('compileEndpoints() reads addresses, weights, health, labels, localities and priorities', () => {
  const result = compileEndpoints(
    fromJson(
      ClusterLoadAssignmentSchema,
      parse(`
cluster_name: c
endpoints:
- locality: { region: r }
  load_balancing_weight: 3
  lb_endpoints:
  - endpoint: { address: { socket_address: { address: 10.0.0.1, port_value: 9080 } } }
    load_balancing_weight: 2
    metadata: { filter_metadata: { envoy.transport_socket_match: { tlsMode: istio }, istio: { workload: "reviews-v1;default;reviews;v1;weft" } } }
  - { endpoint: { address: { socket_address: { address: "2001:db8::1", port_value: 9080 } } }, health_status: DRAINING }
  - { endpoint: { address: { pipe: { path: /run/s } } }, health_status: UNHEALTHY }
- priority: 1
  lb_endpoints:
  - { endpoint: { address: { socket_address: { address: 10.0.0.3, port_value: 1 } } }, health_status: DEGRADED, metadata: { filter_metadata: { envoy.lb: { stage: prod } } } }
policy: { overprovisioning_factor: 200, weighted_priority_health: true }
`),
    ),
  )
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value.policy).toEqual({ overprovisioningFactor: 200, weightedPriorityHealth: true })
  const place = { locality: 'r//', localityWeight: 3 }
  expect(result.value.endpoints).toEqual([
    {
      ...place,
      address: '10.0.0.1',
      port: 9080,
      weight: 2,
      health: 'healthy',
      transportLabels: new Map([['tlsMode', 'istio']]),
      workload: {
        name: 'reviews-v1',
        namespace: 'default',
        canonicalService: 'reviews',
        canonicalRevision: 'v1',
        cluster: 'weft',
      },
    },
    {
      ...place,
      address: '2001:db8::1',
      port: 9080,
      weight: 1,
      health: 'draining',
      transportLabels: new Map(),
      workload: undefined,
    },
    {
      ...place,
      address: '/run/s',
      port: 0,
      weight: 1,
      health: 'unhealthy',
      transportLabels: new Map(),
      workload: undefined,
    },
    {
      address: '10.0.0.3',
      port: 1,
      weight: 1,
      health: 'degraded',
      transportLabels: new Map(),
      workload: undefined,
      priority: 1,
      subsetLabels: { stage: 'prod' },
    },
  ])
})

test('compileEndpoints() refuses names, port 0 and weight 0', () => {
  const result = compileEndpoints(
    fromJson(
      ClusterLoadAssignmentSchema,
      parse(`
cluster_name: c
policy: { overprovisioning_factor: 100 }
endpoints:
- lb_endpoints:
  - { endpoint: { address: { socket_address: { address: a.example, port_value: 1 } } } }
  - { endpoint: { address: { socket_address: { address: 10.0.0.1, port_value: 0 } } }, load_balancing_weight: 0 }
  - { endpoint: { address: { socket_address: { address: 10.0.0.1, port_value: 1 } } }, health_status: DEGRADED }
  - { endpoint_name: x }
`),
    ),
  )
  expect(paths(result).toSorted()).toEqual([
    'endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address',
    'endpoints[0].lb_endpoints[1].endpoint.address.socket_address.port_value',
    'endpoints[0].lb_endpoints[1].load_balancing_weight',
    'endpoints[0].lb_endpoints[3].endpoint.address',
    'endpoints[0].lb_endpoints[3].endpoint_name',
  ])
})

test('compileSecret() reads inline and file data sources', () => {
  const message = fromJson(
    SecretSchema,
    parse(
      '{ name: default, tls_certificate: { certificate_chain: { filename: /chain }, private_key: { inline_bytes: a2V5 } } }',
    ),
  )
  expect(compileSecret(message, { readFile: (path) => `content of ${path}` })).toEqual({
    ok: true,
    value: {
      kind: 'certificate',
      name: 'default',
      certificate: { certificateChain: 'content of /chain', privateKey: 'key' },
    },
  })
  expect(paths(compileSecret(message))).toContain('tls_certificate.certificate_chain.filename')
  const unreadable = compileSecret(message, {
    readFile: () => {
      throw new Error('no such file')
    },
  })
  expect(unreadable.ok ? '' : unreadable.error[0]?.message).toBe('Cannot read /chain: no such file')
})

test('compileSecret() refuses other kinds and validation contexts without a bundle', () => {
  const secret = (yaml: string): readonly string[] => paths(compileSecret(fromJson(SecretSchema, parse(yaml))))
  expect(secret('{ name: x, generic_secret: {} }')).toEqual(['generic_secret'])
  expect(secret('{ name: x, validation_context: { crl: { inline_string: a } } }')).toEqual([
    'validation_context.crl',
    'validation_context.trusted_ca',
  ])
  expect(secret('{ name: x }')).toEqual([''])
})

test('decodeResource() compiles by type URL and refuses other types and broken bytes', () => {
  const bytes = toBinary(ClusterSchema, fromJson(ClusterSchema, { name: 'c' }))
  expect(decodeResource(TypeUrl.cluster, bytes)).toMatchObject({ ok: true, value: { kind: 'cluster', name: 'c' } })
  expect(decodeResource('type.googleapis.com/a.B', bytes).ok).toBe(false)
  expect(decodeResource(TypeUrl.cluster, Uint8Array.of(0x0a, 0xff)).ok).toBe(false)
})
