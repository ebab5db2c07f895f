import type { JsonObject } from '@bufbuild/protobuf'

import { type HttpCase, request, response } from '../case.ts'

const message = '\0\0\0\0\x02hi'
const call = (type = 'application/grpc', lines: readonly string[] = [], path = '/s.S/M'): string =>
  request(
    `POST ${path}`,
    [`Content-Type: ${type}`, 'TE: trailers', ...lines, `Content-Length: ${message.length}`],
    message,
  )
const emptyCall = (lines: readonly string[] = [], path = '/s.S/M'): string =>
  request(`POST ${path}`, ['Content-Type: application/grpc', 'TE: trailers', ...lines, 'Content-Length: 0'])

const route = (action: JsonObject, more: JsonObject = {}): readonly JsonObject[] => [
  { match: { prefix: '/s.S' }, ...action, ...more },
]
const toCluster = (fields: JsonObject): readonly JsonObject[] => route({ route: { cluster: 'CLUSTER', ...fields } })

const fault = 'envoy.filters.http.fault'
const faultType = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault'
const rbacType = 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC'
const always = { numerator: 100 }

function withFault(abort: JsonObject): Pick<HttpCase, 'routes' | 'filters'> {
  const settings = { [fault]: { '@type': faultType, abort: { ...abort, percentage: always } } }
  return {
    filters: [{ name: fault, typed_config: { '@type': faultType } }],
    routes: route({ route: { cluster: 'CLUSTER' } }, { typed_per_filter_config: settings }),
  }
}

const web: JsonObject = {
  name: 'envoy.filters.http.grpc_web',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb' },
}
const webText = Buffer.from(message, 'latin1').toString('base64')

const silent = [{ send: '' }]
const durations = (fields: JsonObject): Pick<HttpCase, 'routes' | 'answers'> => ({
  routes: toCluster({ max_stream_duration: fields, timeout: '3s' }),
  answers: silent,
})

/** Calls of gRPC in HTTP/1.1: what the proxy says in its own name. */
export const grpcCalls: readonly HttpCase[] = [
  {
    name: 'gRPC call',
    steps: call(),
    answers: [{ send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 0'], message) }],
  },
  { name: 'gRPC without a route', routes: toCluster({}), steps: emptyCall([], '/other') },
  {
    name: 'gRPC+proto without a route',
    routes: toCluster({}),
    steps: request('POST /x', ['Content-Type: application/grpc+proto', 'Content-Length: 0']),
  },
  {
    name: 'gRPC-Web without a route',
    routes: toCluster({}),
    steps: request('POST /x', ['Content-Type: application/grpc-web', 'Content-Length: 0']),
  },
  {
    name: 'gRPC with parameters of the type, without a route',
    routes: toCluster({}),
    steps: request('POST /x', ['Content-Type: application/grpc;a=b', 'Content-Length: 0']),
  },
  {
    name: 'gRPC in capitals without a route',
    routes: toCluster({}),
    steps: request('POST /x', ['Content-Type: Application/gRPC', 'Content-Length: 0']),
  },
  { name: 'gRPC to a cluster that refuses', routes: route({ route: { cluster: 'REFUSED' } }), steps: emptyCall() },
  { name: 'gRPC to a cluster that is not there', routes: route({ route: { cluster: 'absent' } }), steps: emptyCall() },
  {
    name: 'gRPC to a cluster without endpoints',
    cluster: { load_assignment: { cluster_name: 'CLUSTER' } },
    steps: emptyCall(),
  },
  { name: 'gRPC timed out by the route', routes: toCluster({ timeout: '0.3s' }), answers: silent, steps: emptyCall() },
  {
    name: 'gRPC over the limit of requests',
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 0, max_pending_requests: 0 }] } },
    steps: emptyCall(),
  },
  ...[200, 400, 401, 403, 404, 429, 500, 502, 503, 504].map((status): HttpCase => ({
    name: `gRPC answered directly with ${status}`,
    routes: route({ direct_response: { status, body: { inline_string: 'a\n%\u00e9' } } }),
    steps: emptyCall(),
  })),
  {
    name: 'gRPC answered directly without a text',
    routes: route({ direct_response: { status: 503 } }),
    steps: emptyCall(),
  },
  { name: 'gRPC redirected', routes: route({ redirect: { host_redirect: 'b.test' } }), steps: emptyCall() },
  {
    name: 'gRPC answered directly with headers added',
    routes: route(
      { direct_response: { status: 503 } },
      { response_headers_to_add: [{ header: { key: 'x-added', value: 'a' } }] },
    ),
    steps: emptyCall(),
  },
  { name: 'gRPC aborted with a gRPC status', ...withFault({ grpc_status: 8 }), steps: emptyCall() },
  { name: 'gRPC aborted with an HTTP status', ...withFault({ http_status: 503 }), steps: emptyCall() },
  {
    name: 'gRPC denied by RBAC',
    filters: [{ name: 'rbac', typed_config: { '@type': rbacType, rules: { action: 'ALLOW', policies: {} } } }],
    steps: emptyCall(),
  },
  {
    name: 'gRPC status of an upstream retried',
    routes: toCluster({
      retry_policy: { retry_on: 'unavailable', num_retries: 1, retry_back_off: { base_interval: '0.001s' } },
    }),
    answers: [
      { send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 14']) },
      { send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 0']) },
    ],
    steps: call(),
  },
  {
    name: 'gRPC status of an upstream that is not to be retried',
    routes: toCluster({
      retry_policy: { retry_on: 'cancelled,deadline-exceeded,internal,resource-exhausted', num_retries: 1 },
    }),
    answers: [
      { send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 14']) },
      { send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 0']) },
    ],
    steps: call(),
  },
  {
    name: 'gRPC-Web without a route, with the filter',
    filters: [web],
    routes: toCluster({}),
    steps: request('POST /x', ['Content-Type: application/grpc-web', 'Content-Length: 0']),
  },
  {
    name: 'gRPC-Web text without a route, with the filter',
    filters: [web],
    routes: toCluster({}),
    steps: request('POST /x', [
      'Content-Type: application/grpc-web-text',
      'Accept: application/grpc-web-text',
      'Content-Length: 0',
    ]),
  },
  {
    name: 'gRPC-Web call',
    filters: [web],
    steps: call('application/grpc-web+proto', ['Accept: application/grpc-web+proto']),
    answers: [{ send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 0'], message) }],
  },
  {
    name: 'gRPC-Web text call',
    filters: [web],
    steps: request(
      'POST /s.S/M',
      [
        'Content-Type: application/grpc-web-text',
        'Accept: application/grpc-web-text',
        `Content-Length: ${webText.length}`,
      ],
      webText,
    ),
    answers: [{ send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 0'], message) }],
  },
  { name: 'gRPC call with the filter for gRPC-Web', filters: [web], steps: call() },
  {
    name: 'gRPC-Web text that is no base64',
    filters: [web],
    steps: request('POST /s.S/M', ['Content-Type: application/grpc-web-text', 'Content-Length: 4'], '!!!!'),
  },
  { name: 'gRPC stream too long for its route', ...durations({ max_stream_duration: '0.3s' }), steps: emptyCall() },
  {
    name: 'plain stream too long for its route',
    ...durations({ max_stream_duration: '0.3s' }),
    steps: request('GET /s.S'),
  },
  {
    name: 'gRPC timeout of the call',
    ...durations({ grpc_timeout_header_max: '0s' }),
    steps: emptyCall(['grpc-timeout: 300m']),
  },
  {
    name: 'gRPC timeout of the call, bounded',
    ...durations({ grpc_timeout_header_max: '0.3s' }),
    steps: emptyCall(['grpc-timeout: 1H']),
  },
  {
    name: 'gRPC timeout of the call with an offset',
    ...durations({ grpc_timeout_header_max: '0s', grpc_timeout_header_offset: '1.7s' }),
    steps: emptyCall(['grpc-timeout: 2S']),
  },
  {
    name: 'gRPC timeout that is malformed',
    ...durations({ grpc_timeout_header_max: '0s', max_stream_duration: '0.3s' }),
    steps: emptyCall(['grpc-timeout: 2s']),
  },
  {
    name: 'gRPC timeout that the route does not heed',
    ...durations({ max_stream_duration: '0.5s' }),
    steps: emptyCall(['grpc-timeout: 10m']),
  },
  {
    name: 'gRPC timeout of a plain request',
    ...durations({ grpc_timeout_header_max: '0s' }),
    steps: request('GET /s.S', ['grpc-timeout: 300m']),
  },
  {
    name: 'gRPC stream too long for the connection manager',
    manager: { common_http_protocol_options: { max_stream_duration: '0.3s' } },
    answers: silent,
    steps: emptyCall(['grpc-timeout: 1H']),
  },
  {
    name: 'gRPC stream without end by its route',
    ...durations({ max_stream_duration: '0s' }),
    routes: toCluster({ max_stream_duration: { max_stream_duration: '0s' } }),
    answers: [{ send: response('200 OK', ['Content-Type: application/grpc', 'Grpc-Status: 0']) }],
    manager: { common_http_protocol_options: { max_stream_duration: '0.3s' } },
    steps: emptyCall(['grpc-timeout: 1H']),
  },
  {
    name: 'stream without end by its route',
    ...durations({ max_stream_duration: '0s' }),
    manager: { common_http_protocol_options: { max_stream_duration: '0.3s' } },
    steps: request('GET /s.S'),
  },
]
