import { describe, expect, test } from 'bun:test'

import { ResponseFlag } from './access-log-record.ts'
import type { EdgeLabels } from './contract.ts'
import { createTelemetry } from './create-telemetry.ts'

function labels(overrides: Partial<EdgeLabels> = {}): EdgeLabels {
  return {
    reporter: 'source',
    sourceWorkload: 'productpage-v1',
    sourceNamespace: 'default',
    sourcePrincipal: 'spiffe://cluster.local/ns/default/sa/productpage',
    sourceApp: 'productpage',
    sourceVersion: 'v1',
    sourceCanonicalService: 'productpage',
    sourceCanonicalRevision: 'v1',
    sourceCluster: 'weft',
    destinationWorkload: 'reviews-v2',
    destinationNamespace: 'default',
    destinationPrincipal: 'spiffe://cluster.local/ns/default/sa/reviews',
    destinationApp: 'reviews',
    destinationVersion: 'v2',
    destinationService: 'reviews.default.svc.cluster.local',
    destinationServiceName: 'reviews',
    destinationServiceNamespace: 'default',
    destinationCanonicalService: 'reviews',
    destinationCanonicalRevision: 'v2',
    destinationCluster: 'weft',
    requestProtocol: 'http',
    connectionSecurityPolicy: 'mutual_tls',
    ...overrides,
  }
}

function lineOf(text: string, start: string): string {
  return text.split('\n').find((line) => line.startsWith(start)) ?? ''
}

describe('createTelemetry()', () => {
  test('edge() counts requests with Istio labels when one finishes', () => {
    const telemetry = createTelemetry()
    telemetry.edge(labels()).recordRequest(200, 0, 3, 0, 68)
    telemetry.edge(labels()).recordRequest(200, 0, 30, 0, 68)
    telemetry.edge(labels()).recordRequest(503, ResponseFlag.UF | ResponseFlag.URX, 1, 0, 0)
    const text = telemetry.expose()
    const ok = lineOf(text, 'istio_requests_total{reporter="source"')
    expect(ok).toContain('destination_service="reviews.default.svc.cluster.local"')
    expect(ok).toContain('response_code="200"')
    expect(ok).toEndWith(' 2')
    expect(text).toContain('response_flags="UF,URX"')
    expect(text).toMatch(/istio_request_duration_milliseconds_bucket\{[^}]*response_code="200"[^}]*le="5"\} 1\n/)
    expect(text).toMatch(/istio_request_duration_milliseconds_bucket\{[^}]*response_code="200"[^}]*le="\+Inf"\} 2\n/)
    expect(text).toMatch(/istio_response_bytes_sum\{[^}]*response_code="200"[^}]*\} 136\n/)
  })

  test('edge() counts calls of gRPC by status, and their messages', () => {
    const telemetry = createTelemetry()
    const edge = telemetry.edge(labels({ requestProtocol: 'grpc' }))
    edge.recordRequest(200, 0, 3, 0, 68, 0)
    edge.recordRequest(200, 0, 3, 0, 68, 14)
    edge.recordRequest(200, 0, 3, 0, 68, 0)
    edge.recordMessages(2, 5)
    edge.recordMessages(1, 0)
    const text = telemetry.expose()
    expect(text).toMatch(/istio_requests_total\{[^}]*request_protocol="grpc"[^}]*grpc_response_status="0"[^}]*\} 2\n/)
    expect(text).toMatch(/istio_requests_total\{[^}]*grpc_response_status="14"[^}]*\} 1\n/)
    expect(text).toMatch(/istio_request_messages_total\{[^}]*request_protocol="grpc"[^}]*\} 3\n/)
    expect(text).toMatch(/istio_response_messages_total\{[^}]*\} 5\n/)
    telemetry.edge(labels()).recordRequest(200, 0, 3, 0, 68)
    expect(telemetry.expose()).toMatch(/request_protocol="http",[^}]*grpc_response_status=""/)
  })

  test('edge() gives the overflow edge when the bound is reached', () => {
    const telemetry = createTelemetry({ maxEdges: 2 })
    for (let index = 0; index < 50; index += 1) {
      telemetry.edge(labels({ destinationWorkload: `w${index}` })).recordRequest(200, 0, 1, 0, 0)
    }
    const lines = telemetry
      .expose()
      .split('\n')
      .filter((line) => line.startsWith('istio_requests_total{'))
    expect(lines).toHaveLength(3)
    expect(lines.at(-1)).toContain('destination_workload="overflow"')
    expect(lines.at(-1)).toEndWith(' 48')
  })

  test('edge() bounds the statuses that a hostile upstream can make', () => {
    const telemetry = createTelemetry()
    const edge = telemetry.edge(labels())
    for (let status = 100; status < 1000; status += 1) edge.recordRequest(status, 0, 1, 0, 0)
    const lines = telemetry
      .expose()
      .split('\n')
      .filter((line) => line.startsWith('istio_requests_total{'))
    expect(lines).toHaveLength(201)
    const total = lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    expect(total).toBe(900)
  })

  test('expose() escapes label values so that none can end its line', () => {
    const telemetry = createTelemetry()
    telemetry.edge(labels({ sourceApp: 'a"b\\c\nd' })).recordRequest(200, 0, 1, 0, 0)
    expect(telemetry.expose()).toContain('source_app="a\\"b\\\\c\\nd"')
  })

  test('edge() shows TCP series once a connection was opened', () => {
    const telemetry = createTelemetry()
    const edge = telemetry.edge(labels({ requestProtocol: 'tcp' }))
    expect(telemetry.expose()).not.toContain('istio_tcp')
    edge.tcpOpened()
    edge.tcpBytes(10, 20)
    edge.tcpClosed(0)
    const text = telemetry.expose()
    expect(lineOf(text, 'istio_tcp_sent_bytes_total{')).toEndWith(' 10')
    expect(lineOf(text, 'istio_tcp_received_bytes_total{')).toEndWith(' 20')
    expect(lineOf(text, 'istio_tcp_connections_closed_total{')).toEndWith(' 1')
  })

  test('counter() is interned by name and labels', () => {
    const telemetry = createTelemetry()
    telemetry.counter('envoy_cluster_upstream_cx_total', { envoy_cluster_name: 'a' }).value += 2
    telemetry.counter('envoy_cluster_upstream_cx_total', { envoy_cluster_name: 'a' }).value += 1
    expect(telemetry.expose()).toContain('envoy_cluster_upstream_cx_total{envoy_cluster_name="a"} 3')
  })
})
