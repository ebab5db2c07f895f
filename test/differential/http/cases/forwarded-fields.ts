import { askAgain, awaitResponses, type HttpCase, request, response, send } from '../case.ts'

const edge = { use_remote_address: true }
const internals = [
  'x-envoy-internal: true',
  'x-envoy-external-address: 9.9.9.9',
  'x-envoy-upstream-rq-timeout-ms: 50000',
  'x-envoy-max-retries: 5',
  'x-envoy-retry-on: 5xx',
  'x-envoy-decorator-operation: a',
  'x-envoy-original-path: /admin',
  'x-envoy-expected-rq-timeout-ms: 7',
  'x-envoy-attempt-count: 9',
]

/** Fields that tell where a request came from, and those that steer Envoy. */
export const forwardedFields: readonly HttpCase[] = [
  {
    name: 'x-forwarded-for and -proto of a client are kept',
    steps: request('GET /', ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Proto: https']),
  },
  {
    name: 'x-forwarded-for on two lines',
    steps: request('GET /', ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: 5.6.7.8']),
  },
  { name: 'x-forwarded-for at the edge', manager: edge, steps: request('GET /') },
  {
    name: 'x-forwarded-for of a client at the edge',
    manager: edge,
    steps: request('GET /', ['X-Forwarded-For: 1.2.3.4, 5.6.7.8', 'X-Forwarded-Proto: https']),
  },
  { name: 'x-forwarded-proto that is no scheme', steps: request('GET /', ['X-Forwarded-Proto: gopher']) },
  { name: 'x-forwarded-proto in capitals', steps: request('GET /', ['X-Forwarded-Proto: HTTPS']) },
  {
    name: 'x-forwarded-host is passed on',
    steps: request('GET /', [
      'X-Forwarded-Host: a.test',
      'X-Forwarded-Port: 81',
      'Forwarded: for=1.2.3.4',
      'Via: 1.1 x',
    ]),
  },
  { name: 'x-request-id is made', steps: request('GET /') },
  {
    name: 'x-request-id of a client is kept',
    steps: request('GET /', ['X-Request-Id: 11111111-2222-4333-8444-555555555555']),
  },
  { name: 'x-request-id that is no UUID', steps: request('GET /', ['X-Request-Id: mine']) },
  { name: 'x-request-id of a client at the edge', manager: edge, steps: request('GET /', ['X-Request-Id: mine']) },
  { name: 'x-request-id switched off', manager: { generate_request_id: false }, steps: request('GET /') },
  { name: 'x-envoy fields of a client', steps: request('GET /', internals) },
  { name: 'x-envoy fields of a client at the edge', manager: edge, steps: request('GET /', internals) },
  {
    name: 'x-forwarded-client-cert without TLS',
    steps: request('GET /', ['X-Forwarded-Client-Cert: URI=spiffe://a/b']),
  },
  {
    name: 'x-forwarded-client-cert passed on',
    manager: { forward_client_cert_details: 'ALWAYS_FORWARD_ONLY' },
    steps: request('GET /', ['X-Forwarded-Client-Cert: URI=spiffe://a/b']),
  },
  {
    name: 'fields with underscores refused',
    manager: { common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' } },
    steps: request('GET /', ['x_a: 1']),
  },
  {
    name: 'fields with underscores dropped',
    manager: { common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' } },
    steps: request('GET /', ['x_a: 1', 'x-b: 2']),
  },
  {
    name: 'server name',
    manager: { server_name: 'mesh' },
    answers: [{ send: response('200 OK', ['Server: origin']) }],
    steps: request('GET /'),
  },
  {
    name: 'one request per connection',
    manager: { common_http_protocol_options: { max_requests_per_connection: 1 } },
    steps: request('GET /'),
  },
  {
    name: 'one request per upstream connection',
    cluster: { max_requests_per_connection: 1 },
    steps: [send(request('GET /1')), awaitResponses(1), send(request('GET /2')), awaitResponses(2), askAgain],
  },
  {
    name: 'x-envoy fields of an upstream',
    answers: [
      {
        send: response('200 OK', [
          'x-envoy-upstream-service-time: 5',
          'x-envoy-overloaded: true',
          'x-envoy-decorator-operation: a',
          'x-envoy-immediate-health-check-fail: true',
        ]),
      },
    ],
    steps: request('GET /'),
  },
]
