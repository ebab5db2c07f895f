import { describe, expect, test } from 'bun:test'
import { create, fromJson, toBinary, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'

import { TypeUrl } from '../../xds/index.ts'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { anyTypes } from './any-types.ts'
import { compileListener } from './compile-listener.ts'
import { decodeResource } from './decode-resource.ts'

const hcmType = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const router =
  '{ name: envoy.filters.http.router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }'
const rds = 'rds: { route_config_name: http_proxy, config_source: { ads: {}, resource_api_version: V3 } }'

const tcpFilter = 'filter_chains[0].filters[0].typed_config.hash_policy'

function tcpHashing(policies: string): string {
  const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
  return `{ name: tcp, typed_config: { "@type": ${type}, stat_prefix: t, cluster: c, hash_policy: [ ${policies} ] } }`
}

function compile(yaml: string): ReturnType<typeof compileListener> {
  const json: JsonObject = parse(yaml)
  return compileListener(fromJson(ListenerSchema, json, { registry: anyTypes }))
}

function faultPaths(yaml: string): readonly string[] {
  const result = compile(yaml)
  return result.ok ? [] : result.error.map((fault) => fault.path)
}

/** A listener with one connection manager, whose fields are given as flow YAML. */
function withManager(fields: string): string {
  return `
name: l
address: { socket_address: { address: 127.0.0.1, port_value: 80 } }
filter_chains: [ { filters: [ { name: hcm, typed_config: { "@type": ${hcmType}, stat_prefix: s, ${fields} } } ] } ]
`
}

test('compileListener() compiles an outbound listener as control planes write it', () => {
  const result = compile(`
name: http_proxy
traffic_direction: OUTBOUND
address: { socket_address: { address: 127.0.0.1, port_value: 15080 } }
metadata: { filter_metadata: { weft.origin: { kind: Weft } } }
filter_chains:
- filters:
  - name: envoy.filters.network.http_connection_manager
    typed_config:
      "@type": ${hcmType}
      stat_prefix: outbound
      ${rds}
      server_name: weft
      normalize_path: true
      merge_slashes: true
      path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT
      use_remote_address: true
      xff_num_trusted_hops: 1
      generate_request_id: false
      forward_client_cert_details: SANITIZE_SET
      set_current_client_cert_details: { uri: true }
      stream_idle_timeout: 0s
      request_timeout: 20s
      max_request_headers_kb: 32
      common_http_protocol_options: { idle_timeout: 60s, max_headers_count: 50, headers_with_underscores_action: REJECT_REQUEST, max_requests_per_connection: 7 }
      upgrade_configs: [ { upgrade_type: WebSocket } ]
      access_log:
      - name: envoy.access_loggers.file
        typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/stdout, log_format: { json_format: { code: "%RESPONSE_CODE%" } } }
      - name: envoy.access_loggers.stderr
        typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog }
      http_filters:
      - { name: on_demand, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand } }
      - { name: envoy.filters.http.fault, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault } }
      - ${router}
`)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value).toMatchObject({
    name: 'http_proxy',
    address: '127.0.0.1',
    port: 15080,
    protocol: 'tcp',
    direction: 'outbound',
    originalDestination: false,
    socketKey: 'tcp|127.0.0.1|15080',
  })
  expect(result.value.filterChains[0]?.network).toMatchObject({
    kind: 'http',
    routes: { kind: 'rds', name: 'http_proxy' },
    serverName: 'weft',
    idleTimeoutMs: 60_000,
    requestTimeoutMs: 20_000,
    requestHeadersTimeoutMs: 10_000,
    streamIdleTimeoutMs: 0,
    maxRequestHeadersBytes: 32 * 1024,
    maxHeadersCount: 50,
    maxRequestsPerConnection: 7,
    useRemoteAddress: true,
    xffTrustedHops: 1,
    generateRequestId: false,
    normalizePath: true,
    mergeSlashes: true,
    escapedSlashes: 'unescape-redirect',
    underscoreHeaders: 'reject',
    forwardClientCert: 'sanitize-set',
    filters: [{ kind: 'on_demand' }, { kind: 'fault' }],
    upgrades: ['websocket'],
    accessLogs: [
      { path: '/dev/stdout', format: '', json: new Map([['code', '%RESPONSE_CODE%']]) },
      { path: '/dev/stderr', json: undefined },
    ],
  })
})

test('compileListener() compiles inbound mTLS with secrets by name and a TCP chain by destination', () => {
  const sds =
    'sds_config: { api_config_source: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: sds-grpc } } ] }, resource_api_version: V3, initial_fetch_timeout: 0s }'
  const result = compile(`
name: inbound_9080
traffic_direction: INBOUND
address: { socket_address: { address: "::", port_value: 0 } }
listener_filters: [ { name: od, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst } } ]
filter_chains:
- name: tcp
  filter_chain_match: { destination_port: 6379, prefix_ranges: [ { address_prefix: 10.0.0.0, prefix_len: 8 } ] }
  transport_socket:
    name: tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
      require_client_certificate: true
      common_tls_context:
        tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }
        alpn_protocols: [ istio-http/1.1, istio ]
        tls_certificate_sds_secret_configs: [ { name: default, ${sds} } ]
        combined_validation_context:
          default_validation_context: { match_typed_subject_alt_names: [ { san_type: URI, matcher: { prefix: "spiffe://cluster.local/" } } ] }
          validation_context_sds_secret_config: { name: ROOTCA, ${sds} }
  filters: [ { name: tcp, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, weighted_clusters: { clusters: [ { name: a, weight: 1 }, { name: b, weight: 3 } ] } } } ]
default_filter_chain:
  filters: [ { name: tcp, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: PassthroughCluster, idle_timeout: 0s, max_connect_attempts: 2, hash_policy: [ { source_ip: {} } ] } } ]
`)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value).toMatchObject({
    originalDestination: true,
    direction: 'inbound',
    filterChains: [
      {
        name: 'tcp',
        match: { destinationPort: 6379, destinationPrefixes: [{ address: '10.0.0.0', length: 8 }] },
        tls: {
          certificate: { kind: 'named', name: 'default' },
          validation: { kind: 'named', name: 'ROOTCA' },
          subjectAltNames: [{ type: 'uri', match: { kind: 'prefix', value: 'spiffe://cluster.local/' } }],
          requireClientCertificate: true,
          alpn: ['istio-http/1.1', 'istio'],
          minVersion: 'TLSv1.3',
        },
        network: {
          kind: 'tcp',
          clusters: [
            { name: 'a', weight: 1 },
            { name: 'b', weight: 3 },
          ],
          idleTimeoutMs: 3_600_000,
        },
      },
    ],
    defaultFilterChain: {
      network: {
        clusters: [{ name: 'PassthroughCluster', weight: 1 }],
        idleTimeoutMs: 0,
        maxConnectAttempts: 2,
        hashSourceIp: true,
      },
    },
  })
})

test('compileListener() compiles a DNS listener', () => {
  const result = compile(`
name: dns
address: { socket_address: { protocol: UDP, address: 127.0.0.1, port_value: 15053 } }
listener_filters:
- name: dns
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig
    stat_prefix: dns
    server_config: { inline_dns_table: { virtual_domains: [ { name: Reviews., answer_ttl: 30s, endpoint: { address_list: { address: [ 240.0.0.1 ] } } } ] } }
    client_config: { max_pending_lookups: 256, dns_resolution_config: { resolvers: [ { socket_address: { address: 10.0.0.10, port_value: 53 } } ] } }
`)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value.dns).toEqual({
    names: new Map([['reviews', ['240.0.0.1']]]),
    ttlSeconds: 30,
    resolvers: [{ address: '10.0.0.10', port: 53 }],
  })
})

/** The health_check filter with these fields. */
function healthCheck(fields: string): string {
  const type = 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck'
  return `{ name: h, typed_config: { "@type": ${type}, ${fields.slice(1, -1)} } }`
}

describe('refused with the path of the field', () => {
  const manager = 'filter_chains[0].filters[0].typed_config'
  test.each([
    [`${rds}, http_filters: [ ${router} ], tracing: {}`, `${manager}.tracing`],
    [`${rds}, http_filters: [ ${router} ], codec_type: HTTP3`, `${manager}.codec_type`],
    [`${rds}, http_filters: [ ${router} ], http3_protocol_options: {}`, `${manager}.http3_protocol_options`],
    [`${rds}, http_filters: [ ${router} ], local_reply_config: {}`, `${manager}.local_reply_config`],
    [
      `${rds}, http_filters: [ ${router} ], server_header_transformation: PASS_THROUGH`,
      `${manager}.server_header_transformation`,
    ],
    [
      `${rds}, http_filters: [ ${router} ], upgrade_configs: [ { upgrade_type: spdy } ]`,
      `${manager}.upgrade_configs[0].upgrade_type`,
    ],
    [
      `${rds}, http_filters: [ ${router} ], forward_client_cert_details: APPEND_FORWARD`,
      `${manager}.set_current_client_cert_details.uri`,
    ],
    [
      `${rds}, http_filters: [ ${router} ], forward_client_cert_details: SANITIZE_SET, set_current_client_cert_details: { uri: true, cert: true }`,
      `${manager}.set_current_client_cert_details.cert`,
    ],
    [
      `${rds}, http_filters: [ ${router} ], http_protocol_options: { enable_trailers: true }`,
      `${manager}.http_protocol_options.enable_trailers`,
    ],
    [`${rds}, http_filters: [ ${router} ], max_request_headers_kb: 9000`, `${manager}.max_request_headers_kb`],
    [
      `${rds}, http_filters: [ ${healthCheck('{}')}, ${router} ]`,
      `${manager}.http_filters[0].typed_config.pass_through_mode`,
    ],
    [
      `${rds}, http_filters: [ ${healthCheck('{ pass_through_mode: true }')}, ${router} ]`,
      `${manager}.http_filters[0].typed_config.pass_through_mode`,
    ],
    [
      `${rds}, http_filters: [ ${healthCheck('{ pass_through_mode: false, cluster_min_healthy_percentages: { c: { value: 0 } } }')}, ${router} ]`,
      `${manager}.http_filters[0].typed_config.cluster_min_healthy_percentages`,
    ],
    [
      `${rds}, http_filters: [ { name: x, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand } }, ${healthCheck('{ pass_through_mode: false }')}, ${router} ]`,
      `${manager}.http_filters[1]`,
    ],
    [rds, `${manager}.http_filters`],
    [`http_filters: [ ${router} ]`, manager],
    [`${rds}, http_filters: [ ${router}, ${router} ]`, `${manager}.http_filters[1]`],
    [
      `${rds}, http_filters: [ { name: x, disabled: true, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand } }, ${router} ]`,
      `${manager}.http_filters[0].disabled`,
    ],
    [
      `${rds}, http_filters: [ { name: envoy.filters.http.fault, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, abort: { http_status: 500 } } }, ${router} ]`,
      `${manager}.http_filters[0].typed_config.abort`,
    ],
    [
      `${rds}, http_filters: [ ${router} ], access_log: [ { name: x, filter: { not_health_check_filter: {} }, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog } } ]`,
      `${manager}.access_log[0].filter`,
    ],
    [
      `${rds}, http_filters: [ ${router} ], access_log: [ { name: x, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /l, format: "%NOPE%" } } ]`,
      `${manager}.access_log[0].typed_config.format`,
    ],
    [
      `rds: { route_config_name: r, config_source: { path_config_source: { path: /r } } }, http_filters: [ ${router} ]`,
      `${manager}.rds.config_source.path_config_source`,
    ],
    [
      `route_config: { name: r, virtual_hosts: [ { name: a, domains: ["a"] }, { name: b, domains: ["b"] }, { name: c, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: x, hash_policy: [ { filter_state: { key: x } } ] } } ] } ] }, http_filters: [ ${router} ]`,
      `${manager}.route_config.virtual_hosts[2].routes[0].route.hash_policy[0].filter_state`,
    ],
  ])('{ %s } at %s', (fields, path) => {
    expect(faultPaths(withManager(fields))).toContain(path)
  })

  test.each([
    ['address: { pipe: { path: /s } }', 'address.pipe'],
    ['address: { socket_address: { address: localhost, port_value: 1 } }', 'address.socket_address.address'],
    ['address: { socket_address: { address: 127.0.0.1, port_value: 1 } }', 'filter_chains'],
    ['use_original_dst: true', 'use_original_dst'],
    ['bind_to_port: false', 'bind_to_port'],
    ['socket_options: [ { level: 1, name: 2, int_value: 3 } ]', 'socket_options'],
    ['per_connection_buffer_limit_bytes: 1', 'per_connection_buffer_limit_bytes'],
    [
      'filter_chains: [ { filter_chain_match: { server_names: [ a, "a*.b" ] }, filters: [] } ]',
      'filter_chains[0].filter_chain_match.server_names[1]',
    ],
    [
      'filter_chains: [ { filter_chain_match: { address_suffix: a }, filters: [] } ]',
      'filter_chains[0].filter_chain_match.address_suffix',
    ],
    [
      'filter_chains: [ { filter_chain_match: { source_ports: [ 70000 ] }, filters: [] } ]',
      'filter_chains[0].filter_chain_match.source_ports[0]',
    ],
    [
      'listener_filters: [ { name: p, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol, rules: [ { tlv_type: 1 } ] } } ]',
      'listener_filters[0].typed_config.rules',
    ],
    [
      'listener_filters: [ { name: t, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector } }, { name: u, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector } } ]',
      'listener_filters[1].typed_config',
    ],
    ['filter_chains: [ { filters: [] } ]', 'filter_chains[0].filters'],
    [
      `filter_chains: [ { filters: [ ${tcpHashing('{ filter_state: { key: a } }')} ] } ]`,
      `${tcpFilter}[0].filter_state`,
    ],
    [`filter_chains: [ { filters: [ ${tcpHashing('{}')} ] } ]`, `${tcpFilter}[0]`],
    [`filter_chains: [ { filters: [ ${tcpHashing('{ source_ip: {} }, { source_ip: {} }')} ] } ]`, `${tcpFilter}[1]`],
    ['filter_chains: [ { filters: [ { name: x }, { name: y } ] } ]', 'filter_chains[0].filters[1]'],
  ])('{ %s } at %s', (field, path) => {
    expect(faultPaths(`{ name: l, ${field} }`)).toContain(path)
  })

  test('extensions of unknown type and fields of unknown number', () => {
    const unknownType = create(ListenerSchema, {
      name: 'l',
      filterChains: [
        {
          filters: [{ name: 'x', configType: { case: 'typedConfig', value: { typeUrl: 'type.googleapis.com/a.B' } } }],
        },
      ],
    })
    // Field 1000, varint 1, behind an otherwise plain message.
    const bytes = Uint8Array.from([...toBinary(ListenerSchema, unknownType), 0xc0, 0x3e, 0x01])
    const result = decodeResource(TypeUrl.listener, bytes)
    expect(result.ok ? [] : result.error).toEqual(
      expect.arrayContaining([
        { path: '#1000', message: 'Field number 1000 of envoy.config.listener.v3.Listener is not known to this proxy' },
        {
          path: 'filter_chains[0].filters[0].typed_config',
          message: 'Extension type.googleapis.com/a.B is not implemented by this proxy',
        },
      ]),
    )
  })

  test('enum values of unknown number', () => {
    // traffic_direction (field 16, varint) of value 9.
    const bytes = Uint8Array.from([
      ...toBinary(ListenerSchema, create(ListenerSchema, { name: 'l' })),
      0x80,
      0x01,
      0x09,
    ])
    const result = decodeResource(TypeUrl.listener, bytes)
    expect(result.ok ? [] : result.error.map((fault) => fault.path)).toContain('traffic_direction')
  })

  test('an extension whose bytes do not decode', () => {
    const broken = create(ListenerSchema, {
      name: 'l',
      filterChains: [
        {
          filters: [
            {
              name: 'x',
              configType: { case: 'typedConfig', value: { typeUrl: hcmType, value: Uint8Array.of(0x0a, 0xff) } },
            },
          ],
        },
      ],
    })
    const result = decodeResource(TypeUrl.listener, toBinary(ListenerSchema, broken))
    expect(result.ok ? '' : result.error.map((fault) => fault.message).join()).toContain('do not decode')
  })
})
