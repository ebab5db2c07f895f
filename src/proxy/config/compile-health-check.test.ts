import { describe, expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { anyTypes } from './any-types.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { compileCluster } from './compile-cluster.ts'
import type { CompileOptions } from './compile-context.ts'

/** Compiles a cluster with one check; `fields` are the check's, in YAML flow style. */
function compile(fields: string, more = '', options?: CompileOptions): ReturnType<typeof compileCluster> {
  const required = 'timeout: 1s, interval: 5s, unhealthy_threshold: 2, healthy_threshold: 3'
  const json: JsonObject = parse(
    `{ name: c, ${more.includes('type:') ? '' : 'type: STATIC,'} ${more} health_checks: [{ ${required}, ${fields} }] }`,
  )
  return compileCluster(fromJson(ClusterSchema, json, { registry: anyTypes }), options)
}

function compiled(fields: string, more = ''): ClusterConfig {
  const result = compile(fields, more)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function faults(fields: string, more = '', options?: CompileOptions): readonly string[] {
  const result = compile(fields, more, options)
  return result.ok ? [] : result.error.map(({ path }) => path)
}

describe('compileHealthChecks()', () => {
  test('gives absent fields the defaults of Envoy', () => {
    expect(compiled('http_health_check: { path: /ready }')).toMatchObject({
      ignoreHealthOnRemoval: false,
      closeOnHealthFailure: false,
      excludeNewHosts: false,
    })
    expect(compiled('http_health_check: { path: /ready }').healthCheck).toEqual({
      timeoutMs: 1000,
      intervalMs: 5000,
      initialJitterMs: 0,
      intervalJitterMs: 0,
      intervalJitterPercent: 0,
      unhealthyThreshold: 2,
      healthyThreshold: 3,
      reuseConnection: true,
      noTrafficIntervalMs: 60_000,
      noTrafficHealthyIntervalMs: 60_000,
      unhealthyIntervalMs: 5000,
      unhealthyEdgeIntervalMs: 5000,
      healthyEdgeIntervalMs: 5000,
      alpn: [],
      probe: {
        kind: 'http',
        http2: false,
        host: '',
        path: '/ready',
        method: 'GET',
        headers: undefined,
        send: new Uint8Array(),
        receive: [],
        responseBufferBytes: 1024,
        expectedStatuses: [{ start: 200, end: 201 }],
        retriableStatuses: [],
        serviceName: undefined,
      },
    })
  })

  test('takes every field of an HTTP check', () => {
    const config = compiled(
      `initial_jitter: 1s, interval_jitter: 2s, interval_jitter_percent: 3, reuse_connection: false, no_traffic_interval: 4s,
       no_traffic_healthy_interval: 5s, unhealthy_interval: 6s, unhealthy_edge_interval: 7s, healthy_edge_interval: 8s,
       always_log_health_check_failures: true, tls_options: { alpn_protocols: [h2] },
       http_health_check: { host: h, path: /p, method: POST, send: { text: "6869" }, receive: [{ binary: "b2s=" }],
         response_buffer_size: 0, codec_client_type: HTTP2, service_name_matcher: { prefix: loc },
         expected_statuses: [{ start: 200, end: 300 }], retriable_statuses: [{ start: 500, end: 501 }],
         request_headers_to_add: [{ header: { key: X-A, value: b } }], request_headers_to_remove: [user-agent] }`,
      `common_lb_config: { ignore_new_hosts_until_first_hc: true }, ignore_health_on_host_removal: true,
       close_connections_on_host_health_failure: true,`,
    )
    expect(config).toMatchObject({ ignoreHealthOnRemoval: true, closeOnHealthFailure: true, excludeNewHosts: true })
    expect(config.healthCheck).toMatchObject({
      initialJitterMs: 1000,
      intervalJitterMs: 2000,
      intervalJitterPercent: 3,
      reuseConnection: false,
      noTrafficIntervalMs: 4000,
      noTrafficHealthyIntervalMs: 5000,
      unhealthyIntervalMs: 6000,
      unhealthyEdgeIntervalMs: 7000,
      healthyEdgeIntervalMs: 8000,
      alpn: ['h2'],
      probe: {
        kind: 'http',
        http2: true,
        host: 'h',
        path: '/p',
        method: 'POST',
        headers: { remove: ['user-agent'], set: [], add: [['x-a', 'b']] },
        responseBufferBytes: 0,
        expectedStatuses: [{ start: 200, end: 300 }],
        retriableStatuses: [{ start: 500, end: 501 }],
        serviceName: { kind: 'prefix', value: 'loc', ignoreCase: false },
      },
    })
    const probe = config.healthCheck?.probe
    if (probe?.kind !== 'http') throw new Error('no HTTP check')
    expect([
      Buffer.from(probe.send).toString(),
      ...probe.receive.map((block) => Buffer.from(block).toString()),
    ]).toEqual(['hi', 'ok'])
  })

  test('takes TCP and gRPC checks, and how an endpoint is checked', () => {
    expect(compiled('tcp_health_check: {}').healthCheck?.probe).toMatchObject({ kind: 'tcp', receive: [] })
    expect(
      compiled(
        'grpc_health_check: { service_name: s, authority: a, initial_metadata: [{ header: { key: k, value: v } }] }',
      ).healthCheck?.probe,
    ).toEqual({ kind: 'grpc', service: 's', authority: 'a', metadata: { remove: [], set: [], add: [['k', 'v']] } })
    const endpoint = (config: string): string =>
      `load_assignment: { cluster_name: c, endpoints: [{ lb_endpoints: [{ endpoint: { health_check_config: ${config},
        address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } }] }] },`
    expect(
      compiled('tcp_health_check: {}', endpoint('{ port_value: 9, hostname: n, disable_active_health_check: true }'))
        .endpoints[0]?.healthCheck,
    ).toEqual({ address: '', port: 9, hostname: 'n', disabled: true })
    const address = '{ address: { socket_address: { address: 127.0.0.2, port_value: 8 } } }'
    expect(compiled('tcp_health_check: {}', endpoint(address)).endpoints[0]?.healthCheck).toMatchObject({
      address: '127.0.0.2',
      port: 8,
    })
  })

  test.each([
    ['http_health_check: {}', ['health_checks[0].http_health_check.path']],
    ['http_health_check: { path: / , method: CONNECT }', ['health_checks[0].http_health_check.method']],
    ['http_health_check: { path: /, send: { text: "00" } }', ['health_checks[0].http_health_check.send']],
    [
      'http_health_check: { path: /, codec_client_type: HTTP3 }',
      ['health_checks[0].http_health_check.codec_client_type'],
    ],
    [
      'http_health_check: { path: /, expected_statuses: [{ start: 300, end: 200 }] }',
      ['health_checks[0].http_health_check.expected_statuses[0]'],
    ],
    ['tcp_health_check: { send: { text: "0g" } }', ['health_checks[0].tcp_health_check.send.text']],
    ['tcp_health_check: {}, unhealthy_interval: 0s', ['health_checks[0].unhealthy_interval']],
    ['tcp_health_check: {}, event_log_path: /tmp/x', ['health_checks[0].event_log_path']],
    ['tcp_health_check: {}, alt_port: 1', ['health_checks[0].alt_port']],
    [
      'tcp_health_check: {}, transport_socket_match_criteria: { a: b }',
      ['health_checks[0].transport_socket_match_criteria'],
    ],
    ['custom_health_check: { name: x }', ['health_checks[0].custom_health_check']],
    ['', ['health_checks[0]']],
  ])('refuses %s', (fields, paths) => {
    expect(faults(fields)).toEqual(paths)
  })

  test('refuses checks where nobody could be left out', () => {
    expect(faults('tcp_health_check: {}', 'lb_policy: CLUSTER_PROVIDED, type: ORIGINAL_DST,')).toEqual([
      'health_checks',
    ])
    expect(faults('tcp_health_check: {}', '', { controlChannel: true })).toEqual(['health_checks'])
  })
})
