import type { JsonObject } from '@bufbuild/protobuf'

import {
  type Answer,
  askAgain,
  awaitResponses,
  type HttpCase,
  request,
  response,
  send,
  upstreamClosed,
  upstreamGot,
} from '../case.ts'

const fault = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault'
const http10 = { http_protocol_options: { accept_http_10: true } }
const get = request('GET /a/b?c=d', ['X-Drop: 1', 'X-Keep: 2'])
const ok: Answer = { send: response('200 OK', ['x-try: last'], 'ok') }
const unavailable: Answer = { send: response('503 Service Unavailable', ['x-try: first'], 'busy') }

const toCluster = (action: JsonObject, route: JsonObject = {}): readonly JsonObject[] => [
  { match: { prefix: '/' }, route: { cluster: 'CLUSTER', ...action }, ...route },
]
const quick = { base_interval: '0.002s', max_interval: '0.01s' }
const retries = (policy: JsonObject): readonly JsonObject[] =>
  toCluster({ retry_policy: { num_retries: 2, retry_back_off: quick, ...policy } })
const always = { numerator: 100, denominator: 'HUNDRED' }
const never = { numerator: 0, denominator: 'HUNDRED' }
const withFault = (fields: JsonObject): Pick<HttpCase, 'filters' | 'virtualHost'> => ({
  filters: [{ name: 'envoy.filters.http.fault', typed_config: { '@type': fault } }],
  virtualHost: { typed_per_filter_config: { 'envoy.filters.http.fault': { '@type': fault, ...fields } } },
})
const option = (name: string, value: string, action: string): JsonObject => ({
  header: { key: name, value },
  append_action: action,
})
const overwrite = 'OVERWRITE_IF_EXISTS_OR_ADD'
const append = 'APPEND_IF_EXISTS_OR_ADD'
const live: JsonObject = { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 'PORT' } } } }
const dead: JsonObject = { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 1 } } } }

/** What routes say: replies of the proxy, rewrites, header edits, retries, timeouts, faults. */
export const routing: readonly HttpCase[] = [
  { name: 'no route', routes: [{ match: { prefix: '/other' }, route: { cluster: 'CLUSTER' } }], steps: get },
  { name: 'no virtual host', virtualHost: { domains: ['elsewhere.test'] }, steps: get },
  { name: 'no such cluster', routes: toCluster({ cluster: 'absent' }), steps: get },
  { name: 'no endpoint', cluster: { load_assignment: { cluster_name: 'CLUSTER' } }, steps: get },
  {
    name: 'no route for a POST with its body to come',
    routes: [],
    steps: [send(request('POST /', ['Content-Length: 5'])), awaitResponses(), askAgain],
  },
  {
    name: 'no route for a POST with its body there',
    routes: [],
    steps: request('POST /', ['Content-Length: 5'], 'hello'),
  },
  {
    name: 'direct response',
    routes: [{ match: { prefix: '/' }, direct_response: { status: 418, body: { inline_string: 'teapot' } } }],
    steps: get,
  },
  {
    name: 'direct response without a body',
    routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }],
    steps: get,
  },
  { name: 'direct response 204', routes: [{ match: { prefix: '/' }, direct_response: { status: 204 } }], steps: get },
  {
    name: 'direct response to HEAD',
    heads: [0],
    routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'teapot' } } }],
    steps: request('HEAD /'),
  },
  {
    name: 'direct response with header edits',
    routes: [
      {
        match: { prefix: '/' },
        direct_response: { status: 200, body: { inline_string: '{}' } },
        response_headers_to_add: [option('content-type', 'application/json', overwrite), option('x-a', 'b', append)],
      },
    ],
    steps: get,
  },
  {
    name: 'direct response to HTTP/1.0',
    manager: http10,
    routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'a' } } }],
    steps: request('GET / HTTP/1.0', ['Host: app.test']),
  },
  {
    name: 'redirect of the host',
    routes: [{ match: { prefix: '/' }, redirect: { host_redirect: 'new.test' } }],
    steps: get,
  },
  {
    name: 'redirect to https with a code',
    routes: [{ match: { prefix: '/' }, redirect: { https_redirect: true, response_code: 'PERMANENT_REDIRECT' } }],
    steps: get,
  },
  {
    name: 'redirect of the path without query',
    routes: [{ match: { prefix: '/a' }, redirect: { prefix_rewrite: '/z', strip_query: true } }],
    steps: get,
  },
  {
    name: 'redirect of HEAD',
    heads: [0],
    routes: [{ match: { prefix: '/' }, redirect: { path_redirect: '/x' } }],
    steps: request('HEAD /a'),
  },
  {
    name: 'prefix rewrite',
    routes: [{ match: { prefix: '/a' }, route: { cluster: 'CLUSTER', prefix_rewrite: '/z' } }],
    steps: get,
  },
  {
    name: 'prefix rewrite to the root',
    routes: [{ match: { prefix: '/a/' }, route: { cluster: 'CLUSTER', prefix_rewrite: '/' } }],
    steps: get,
  },
  {
    name: 'regex rewrite',
    routes: toCluster({ regex_rewrite: { pattern: { regex: '^/(\\w)/(\\w)' }, substitution: '/\\2/\\1' } }),
    steps: get,
  },
  {
    name: 'prefix rewrite of an absolute form',
    routes: [{ match: { prefix: '/a' }, route: { cluster: 'CLUSTER', prefix_rewrite: '/z' } }],
    steps: request('GET http://app.test/a/b?c'),
  },
  { name: 'host rewrite', routes: toCluster({ host_rewrite_literal: 'new.test:81' }), steps: get },
  {
    name: 'host rewrite of an absolute form',
    routes: toCluster({ host_rewrite_literal: 'new.test' }),
    steps: request('GET http://app.test/a'),
  },
  {
    name: 'request headers added, set, removed',
    routes: toCluster(
      {},
      {
        request_headers_to_add: [
          option('x-new', '1', append),
          option('x-keep', '3', append),
          option('x-set', '4', overwrite),
        ],
        request_headers_to_remove: ['x-drop'],
      },
    ),
    steps: request('GET /', ['X-Drop: 1', 'X-Keep: 2', 'X-Set: a', 'x-set: b']),
  },
  {
    name: 'response headers added, set, removed',
    answers: [{ send: response('200 OK', ['X-Drop: 1', 'X-Keep: 2', 'X-Set: a', 'x-set: b']) }],
    routes: toCluster(
      {},
      {
        response_headers_to_add: [
          option('x-new', '1', append),
          option('x-keep', '3', append),
          option('x-set', '4', overwrite),
        ],
        response_headers_to_remove: ['x-drop'],
      },
    ),
    steps: get,
  },
  {
    name: 'header edits of the virtual host and the route',
    virtualHost: {
      request_headers_to_add: [option('x-level', 'host', append)],
      response_headers_to_add: [option('x-level', 'host', append)],
    },
    routes: toCluster(
      {},
      {
        request_headers_to_add: [option('x-level', 'route', append)],
        response_headers_to_add: [option('x-level', 'route', append)],
      },
    ),
    steps: get,
  },
  { name: 'connect failure', routes: toCluster({ cluster: 'REFUSED' }), steps: get },
  {
    name: 'connect failure of a POST',
    routes: toCluster({ cluster: 'REFUSED' }),
    steps: request('POST /', ['Content-Length: 5'], 'hello'),
  },
  {
    name: 'connect failure retried in vain',
    routes: toCluster({
      cluster: 'REFUSED',
      retry_policy: { retry_on: 'connect-failure', num_retries: 2, retry_back_off: quick },
    }),
    steps: get,
  },
  {
    name: 'connect failure retried on another host',
    cluster: { load_assignment: { cluster_name: 'CLUSTER', endpoints: [{ lb_endpoints: [dead, live] }] } },
    routes: retries({
      retry_on: 'connect-failure',
      num_retries: 4,
      host_selection_retry_max_attempts: 5,
      retry_host_predicate: [
        {
          name: 'previous',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
          },
        },
      ],
    }),
    answers: [ok],
    steps: get,
  },
  { name: '503 retried', routes: retries({ retry_on: '5xx' }), answers: [unavailable, ok], steps: get },
  {
    name: '503 retried with the body',
    routes: retries({ retry_on: '5xx' }),
    answers: [unavailable, ok],
    steps: request('POST /', ['Content-Length: 5'], 'hello'),
  },
  {
    name: '503 retried with a chunked body and trailers',
    routes: retries({ retry_on: '5xx' }),
    answers: [unavailable, ok],
    steps: request('POST /', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
  },
  {
    name: '503 retried until there are no more retries',
    routes: retries({ retry_on: '5xx' }),
    answers: [unavailable],
    steps: get,
  },
  {
    name: '503 not retried by connect-failure',
    routes: retries({ retry_on: 'connect-failure' }),
    answers: [unavailable, ok],
    steps: get,
  },
  {
    name: '500 not retried by gateway-error',
    routes: retries({ retry_on: 'gateway-error' }),
    answers: [{ send: response('500 Internal Server Error') }, ok],
    steps: get,
  },
  {
    name: '502 retried by gateway-error',
    routes: retries({ retry_on: 'gateway-error' }),
    answers: [{ send: response('502 Bad Gateway') }, ok],
    steps: get,
  },
  {
    name: '409 retried by retriable-4xx',
    routes: retries({ retry_on: 'retriable-4xx' }),
    answers: [{ send: response('409 Conflict') }, ok],
    steps: get,
  },
  {
    name: '418 retried by its code',
    routes: retries({ retry_on: 'retriable-status-codes', retriable_status_codes: [418] }),
    answers: [{ send: response('418 Teapot') }, ok],
    steps: get,
  },
  { name: 'reset retried', routes: retries({ retry_on: 'reset' }), answers: [{ end: 'reset' }, ok], steps: get },
  { name: 'reset retried by 5xx', routes: retries({ retry_on: '5xx' }), answers: [{ end: 'fin' }, ok], steps: get },
  {
    name: 'reset of a POST retried',
    routes: retries({ retry_on: 'reset' }),
    answers: [{ end: 'fin' }, ok],
    steps: request('POST /', ['Content-Length: 5'], 'hello'),
  },
  {
    name: 'reset not retried by connect-failure',
    routes: retries({ retry_on: 'connect-failure' }),
    answers: [{ end: 'fin' }, ok],
    steps: get,
  },
  {
    name: 'close in the middle of the body not retried',
    routes: retries({ retry_on: 'reset,5xx' }),
    answers: [{ send: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', end: 'fin' }, ok],
    steps: get,
  },
  {
    name: 'garbage retried by reset',
    routes: retries({ retry_on: 'reset' }),
    answers: [{ send: 'garbage\r\n\r\n' }, ok],
    steps: get,
  },
  {
    name: 'retry policy of the virtual host',
    virtualHost: { retry_policy: { retry_on: '5xx', num_retries: 1, retry_back_off: quick } },
    answers: [unavailable, ok],
    steps: get,
  },
  {
    name: 'no retries by num_retries 0',
    routes: retries({ retry_on: '5xx', num_retries: 0 }),
    answers: [unavailable, ok],
    steps: get,
  },
  {
    name: 'per-try timeout retried',
    routes: retries({ retry_on: '5xx', per_try_timeout: '0.5s' }),
    answers: [{}, ok],
    steps: get,
  },
  {
    name: 'per-try timeout in vain',
    routes: retries({ retry_on: '5xx', num_retries: 1, per_try_timeout: '0.1s' }),
    answers: [{}],
    steps: get,
  },
  {
    name: 'per-try timeout not retried',
    routes: retries({ retry_on: 'connect-failure', per_try_timeout: '0.1s' }),
    answers: [{}],
    steps: get,
  },
  {
    name: 'route timeout',
    routes: toCluster({ timeout: '0.2s' }),
    answers: [{}],
    steps: [send(get), upstreamGot('GET'), upstreamClosed, awaitResponses(), askAgain],
  },
  {
    name: 'route timeout ends the retries',
    routes: toCluster({ timeout: '0.8s', retry_policy: { retry_on: '5xx', num_retries: 1, retry_back_off: quick } }),
    answers: [unavailable, {}],
    steps: get,
  },
  {
    name: 'route timeout in the middle of the response',
    routes: toCluster({ timeout: '0.3s' }),
    answers: [{ send: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc' }],
    steps: get,
  },
  { name: 'stream idle timeout', manager: { stream_idle_timeout: '0.3s' }, answers: [{}], steps: get },
  { name: 'idle timeout of the route', routes: toCluster({ idle_timeout: '0.3s' }), answers: [{}], steps: get },
  {
    name: 'stream idle timeout in the middle of the response',
    manager: { stream_idle_timeout: '0.3s' },
    answers: [{ send: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc' }],
    steps: get,
  },
  { name: 'abort', ...withFault({ abort: { http_status: 503, percentage: always } }), steps: get },
  {
    name: 'abort of HEAD',
    heads: [0],
    ...withFault({ abort: { http_status: 404, percentage: always } }),
    steps: request('HEAD /'),
  },
  {
    name: 'abort of a POST',
    ...withFault({ abort: { http_status: 418, percentage: always } }),
    steps: request('POST /', ['Content-Length: 5'], 'hello'),
  },
  { name: 'abort never', ...withFault({ abort: { http_status: 503, percentage: never } }), steps: get },
  {
    name: 'abort with a gRPC status of a plain request',
    ...withFault({ abort: { grpc_status: 14, percentage: always } }),
    steps: get,
  },
  {
    name: 'abort with a gRPC status of a gRPC request',
    ...withFault({ abort: { grpc_status: 14, percentage: always } }),
    steps: request('POST /', ['Content-Type: application/grpc', 'Content-Length: 0']),
  },
  { name: 'delay', ...withFault({ delay: { fixed_delay: '0.1s', percentage: always } }), steps: get },
  {
    name: 'delay and abort',
    ...withFault({
      delay: { fixed_delay: '0.05s', percentage: always },
      abort: { http_status: 500, percentage: always },
    }),
    steps: get,
  },
  { name: 'delay never', ...withFault({ delay: { fixed_delay: '60s', percentage: never } }), steps: get },
  {
    name: 'abort with header edits of the route',
    ...withFault({ abort: { http_status: 503, percentage: always } }),
    routes: toCluster({}, { response_headers_to_add: [option('x-route', 'r', append)] }),
    steps: get,
  },
  {
    name: 'connect failure with header edits of the route',
    routes: toCluster({ cluster: 'REFUSED' }, { response_headers_to_add: [option('x-route', 'r', append)] }),
    steps: get,
  },
  {
    name: 'circuit breaker of requests',
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } },
    steps: get,
  },
  {
    name: 'circuit breaker of pending requests',
    cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } },
    steps: get,
  },
]
