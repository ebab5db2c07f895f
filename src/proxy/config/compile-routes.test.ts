import { describe, expect, test } from 'bun:test'

import {
  drawFault,
  explainRetryOn,
  rewritePath,
  toRequestView,
  type Decision,
  type PlainRequest,
} from '../route/index.ts'
import { routeFaultsFromYaml, routeTableFromYaml } from './route-table.fixture.ts'

/** One virtual host `*` whose routes are the given YAML list; each route's cluster names the outcome. */
function outcome(routes: string, request: PlainRequest, random = 0): string {
  const indented = routes.replaceAll('\n', '\n    ')
  const table = routeTableFromYaml(`virtual_hosts:\n- name: all\n  domains: ["*"]\n  routes:\n    ${indented}`)
  return describeDecision(table.decide(toRequestView(request), () => random))
}

function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case 'forward':
      return decision.cluster
    case 'redirect':
      return `${decision.status} ${decision.location}`
    case 'respond':
      return `${decision.status} ${new TextDecoder().decode(decision.body)}`
    case 'on-demand':
      return `ask ${decision.domain}`
    default:
      return 'none'
  }
}

describe('path match', () => {
  test.each([
    ['prefix: /a', '/a', 'yes'],
    ['prefix: /a', '/ab?x=1', 'yes'],
    ['prefix: /a', '/b', 'none'],
    ['prefix: /A, case_sensitive: false', '/aB', 'yes'],
    ['prefix: /A', '/a', 'none'],
    ['path: /a', '/a?q', 'yes'],
    ['path: /a', '/a/', 'none'],
    ['path: /A, case_sensitive: false', '/a', 'yes'],
    ['path_separated_prefix: /a', '/a', 'yes'],
    ['path_separated_prefix: /a', '/a/b', 'yes'],
    ['path_separated_prefix: /a', '/ab', 'none'],
    ['path_separated_prefix: /A, case_sensitive: false', '/a/b', 'yes'],
    ['safe_regex: { regex: "/b[io]t" }', '/bit?x', 'yes'],
    ['safe_regex: { regex: "/b[io]t" }', '/bite', 'none'],
    ['safe_regex: { regex: "/b[io]t" }', '/x/bit', 'none'],
  ])('%s on %s gives %s', (match, path, expected) => {
    expect(outcome(`- { match: { ${match} }, route: { cluster: yes } }`, { authority: 'h', path })).toBe(expected)
  })
})

describe('connect_matcher', () => {
  const routes =
    '- { match: { prefix: "" }, route: { cluster: paths } }\n- { match: { connect_matcher: {} }, route: { cluster: tunnels } }'
  test.each([
    ['CONNECT', '', 'tunnels'],
    ['GET', '/', 'paths'],
  ])('%s goes to its own routes', (method, path, expected) => {
    expect(outcome(routes, { method, authority: 'a:443', path })).toBe(expected)
  })

  test('a GET matches no route for CONNECT, and a CONNECT no other', () => {
    const [paths = '', tunnels = ''] = routes.split('\n')
    expect(outcome(tunnels, { authority: 'a', path: '/' })).toBe('none')
    expect(outcome(paths, { method: 'CONNECT', authority: 'a:443', path: '' })).toBe('none')
  })
})

describe('header match', () => {
  test.each([
    ['{ name: x, string_match: { exact: a } }', { x: 'a' }, true],
    ['{ name: X, string_match: { exact: a } }', { X: 'a' }, true],
    ['{ name: x, string_match: { exact: "a,b" } }', { x: ['a', 'b'] }, true],
    ['{ name: x, string_match: { exact: A, ignore_case: true } }', { x: 'a' }, true],
    ['{ name: x, string_match: { prefix: a } }', { x: 'abc' }, true],
    ['{ name: x, string_match: { suffix: c } }', { x: 'abc' }, true],
    ['{ name: x, string_match: { contains: b } }', { x: 'abc' }, true],
    ['{ name: x, string_match: { safe_regex: { regex: "a.c" } } }', { x: 'abc' }, true],
    ['{ name: x, string_match: { safe_regex: { regex: "a.c" } } }', { x: 'abcd' }, false],
    ['{ name: x, exact_match: a }', { x: 'a' }, true],
    ['{ name: x, prefix_match: b }', { x: 'a' }, false],
    ['{ name: x, suffix_match: a }', { x: 'ba' }, true],
    ['{ name: x, contains_match: a }', { x: 'bab' }, true],
    ['{ name: x, safe_regex_match: { regex: "[ab]+" } }', { x: 'bab' }, true],
    ['{ name: x, range_match: { start: -10, end: 10 } }', { x: '-10' }, true],
    ['{ name: x, range_match: { start: -10, end: 10 } }', { x: '10' }, false],
    ['{ name: x, range_match: { start: -10, end: 10 } }', { x: '1a' }, false],
    ['{ name: x, present_match: true }', { x: '' }, true],
    ['{ name: x, present_match: true }', {}, false],
    ['{ name: x, present_match: false }', {}, true],
    ['{ name: x }', { x: '1' }, true],
    ['{ name: x, present_match: true, invert_match: true }', {}, true],
    ['{ name: x, string_match: { exact: a }, invert_match: true }', { x: 'b' }, true],
    ['{ name: x, string_match: { exact: a }, invert_match: true }', {}, false],
    ['{ name: x, string_match: { exact: a }, invert_match: true, treat_missing_header_as_empty: true }', {}, true],
    ['{ name: x, string_match: { exact: "" }, treat_missing_header_as_empty: true }', {}, true],
    ['{ name: ":method", string_match: { exact: GET } }', {}, true],
    ['{ name: ":authority", string_match: { exact: "h:80" } }', {}, true],
    ['{ name: host, string_match: { prefix: h } }', {}, true],
    ['{ name: ":path", string_match: { exact: "/p?q=1" } }', {}, true],
    ['{ name: ":scheme", string_match: { exact: http } }', {}, true],
    ['{ name: __proto__, present_match: true }', {}, false],
    ['{ name: constructor, present_match: true }', {}, false],
  ] as const)('%s with %o is %p', (matcher, headers, expected) => {
    const route = `- { match: { prefix: /, headers: [ ${matcher} ] }, route: { cluster: c } }`
    expect(outcome(route, { authority: 'h:80', path: '/p?q=1', headers })).toBe(expected ? 'c' : 'none')
  })
})

describe('query match', () => {
  test.each([
    ['{ name: q, string_match: { exact: "1" } }', 'q=1', true],
    ['{ name: q, string_match: { exact: "1" } }', 'qq=1&q=1', true],
    ['{ name: q, string_match: { exact: "2" } }', 'q=1&q=2', false],
    ['{ name: q, string_match: { exact: "a b" } }', 'q=a%20b', false],
    ['{ name: q, string_match: { safe_regex: { regex: "[0-9]+" } } }', 'x&q=42', true],
    ['{ name: q, present_match: true }', 'q', true],
    ['{ name: q, present_match: true }', 'q=', true],
    ['{ name: q, present_match: true }', 'qq=', false],
    ['{ name: q }', 'q=7', true],
    ['{ name: q, string_match: { exact: "" } }', 'q', true],
  ] as const)('%s on %s is %p', (matcher, query, expected) => {
    const route = `- { match: { prefix: /, query_parameters: [ ${matcher} ] }, route: { cluster: c } }`
    expect(outcome(route, { authority: 'h', path: `/?${query}` })).toBe(expected ? 'c' : 'none')
  })
})

test('decide() takes the first matching route whatever its kind', () => {
  const routes = [
    '- { match: { prefix: /a, headers: [ { name: u, exact_match: j } ] }, route: { cluster: first } }',
    '- { match: { path: /a/b }, route: { cluster: second } }',
    '- { match: { safe_regex: { regex: "/a/.*" } }, route: { cluster: third } }',
    '- { match: { prefix: /a/bc }, route: { cluster: never } }',
    '- { match: { prefix: / }, route: { cluster: last } }',
  ].join('\n')
  expect(outcome(routes, { authority: 'h', path: '/a/b', headers: { u: 'j' } })).toBe('first')
  expect(outcome(routes, { authority: 'h', path: '/a/b' })).toBe('second')
  expect(outcome(routes, { authority: 'h', path: '/a/bc' })).toBe('third')
  expect(outcome(routes, { authority: 'h', path: '/a' })).toBe('last')
})

test('decide() draws legs by weight and skips legs of weight 0', () => {
  const route =
    '- { match: { prefix: / }, route: { weighted_clusters: { clusters: [ { name: a, weight: 20 }, { name: z, weight: 0 }, { name: b, weight: 80 } ] } } }'
  const at = (random: number): string => outcome(route, { authority: 'h', path: '/' }, random)
  expect([at(0), at(0.19), at(0.2), at(0.99)]).toEqual(['a', 'a', 'b', 'b'])
})

test('decide() honours runtime_fraction by its default value', () => {
  const routes =
    '- { match: { prefix: /, runtime_fraction: { default_value: { numerator: 25 } } }, route: { cluster: some } }\n' +
    '- { match: { prefix: / }, route: { cluster: rest } }'
  expect(outcome(routes, { authority: 'h', path: '/' }, 0.2499)).toBe('some')
  expect(outcome(routes, { authority: 'h', path: '/' }, 0.25)).toBe('rest')
})

describe('redirect', () => {
  test.each([
    ['https_redirect: true', '301 https://h:8080/p/q?x=1'],
    ['scheme_redirect: https, port_redirect: 8443', '301 https://h:8443/p/q?x=1'],
    ['host_redirect: other', '301 http://other/p/q?x=1'],
    ['host_redirect: other, port_redirect: 81', '301 http://other:81/p/q?x=1'],
    ['path_redirect: /new', '301 http://h:8080/new?x=1'],
    ['path_redirect: "/new?y=2"', '301 http://h:8080/new?y=2'],
    ['path_redirect: /new, strip_query: true', '301 http://h:8080/new'],
    ['prefix_rewrite: /r', '301 http://h:8080/r/q?x=1'],
    ['regex_rewrite: { pattern: { regex: "q$" }, substitution: "z" }', '301 http://h:8080/p/z?x=1'],
    ['strip_query: true, response_code: TEMPORARY_REDIRECT', '307 http://h:8080/p/q'],
    ['response_code: PERMANENT_REDIRECT, path_redirect: /x', '308 http://h:8080/x?x=1'],
  ])('%s goes to %s', (redirect, expected) => {
    const route = `- { match: { prefix: /p }, redirect: { ${redirect} } }`
    expect(outcome(route, { authority: 'h:8080', path: '/p/q?x=1' })).toBe(expected)
  })

  test('a default port goes with its scheme', () => {
    const route = '- { match: { prefix: / }, redirect: { https_redirect: true } }'
    expect(outcome(route, { authority: 'h:80', path: '/' })).toBe('301 https://h/')
    expect(outcome(route, { authority: '[::1]:80', path: '/' })).toBe('301 https://[::1]/')
    expect(outcome(route, { authority: '[::1]', path: '/' })).toBe('301 https://[::1]/')
  })
})

test('decide() answers direct responses with their body', () => {
  const route = '- { match: { prefix: / }, direct_response: { status: 418, body: { inline_string: tea } } }'
  expect(outcome(route, { authority: 'h', path: '/' })).toBe('418 tea')
})

describe('rewritePath()', () => {
  test.each([
    ['prefix: /a/', 'prefix_rewrite: /', '/a/b', '/b'],
    ['prefix: /A, case_sensitive: false', 'prefix_rewrite: /x', '/a/b', '/x/b'],
    ['path: /catalog', 'prefix_rewrite: /listproducts', '/catalog', '/listproducts'],
    ['safe_regex: { regex: "/v[0-9]" }', 'prefix_rewrite: /v', '/v7', '/v'],
    [
      'prefix: /',
      'regex_rewrite: { pattern: { regex: "^/service/([^/]+)(/.*)$" }, substitution: "\\\\2/instance/\\\\1" }',
      '/service/foo/v1/api',
      '/v1/api/instance/foo',
    ],
    [
      'prefix: /',
      'regex_rewrite: { pattern: { regex: one }, substitution: two }',
      '/xxx/one/yyy/one/zzz',
      '/xxx/two/yyy/two/zzz',
    ],
    [
      'prefix: /',
      'regex_rewrite: { pattern: { regex: "(?i)/xxx/" }, substitution: /yyy/ }',
      '/aaa/XxX/bbb',
      '/aaa/yyy/bbb',
    ],
    ['prefix: /', 'regex_rewrite: { pattern: { regex: nothing }, substitution: x }', '/same', '/same'],
  ])('%s with %s turns %s into %s', (match, rewrite, path, expected) => {
    const table = routeTableFromYaml(
      `virtual_hosts: [ { name: v, domains: ["*"], routes: [ { match: { ${match} }, route: { cluster: c, ${rewrite} } } ] } ]`,
    )
    const decision = table.decide(toRequestView({ authority: 'h', path }), () => 0)
    expect(decision.kind).toBe('forward')
    if (decision.kind === 'forward') expect(rewritePath(decision, path)).toBe(expected)
  })
})

test('a decision carries retries, time limits, host, faults, edits and origin, and is the same object each time', () => {
  const table = routeTableFromYaml(`
request_headers_to_add: [ { header: { key: X-Level, value: table }, append_action: OVERWRITE_IF_EXISTS_OR_ADD } ]
response_headers_to_remove: [ X-Gone ]
virtual_hosts:
- name: v
  domains: [ reviews ]
  request_headers_to_add: [ { header: { key: x-level, value: host } }, { header: { key: x-percent, value: "100%%" } } ]
  routes:
  - name: r1
    match: { prefix: / }
    metadata: { filter_metadata: { weft.origin: { kind: VirtualService, namespace: n, name: reviews, file: a.yaml, line: 7 } } }
    request_headers_to_remove: [ x-secret ]
    typed_per_filter_config:
      envoy.filters.http.fault:
        "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault
        delay: { fixed_delay: 1.5s, percentage: { numerator: 10 } }
        abort: { http_status: 555, percentage: { numerator: 5, denominator: TEN_THOUSAND } }
    route:
      cluster: c
      timeout: 0s
      idle_timeout: 3s
      host_rewrite_literal: other
      retry_policy:
        retry_on: 5xx, connect-failure,retriable-status-codes
        num_retries: 3
        per_try_timeout: 2s
        retriable_status_codes: [ 503 ]
        host_selection_retry_max_attempts: 5
        retry_host_predicate: [ { name: envoy.retry_host_predicates.previous_hosts } ]
        retry_back_off: { base_interval: 0.1s }
`)
  const request = toRequestView({ authority: 'Reviews', path: '/' })
  const decision = table.decide(request, () => 0)
  expect(table.decide(request, () => 0)).toBe(decision)
  expect(decision).toMatchObject({
    kind: 'forward',
    cluster: 'c',
    route: {
      name: 'r1',
      virtualHost: 'v',
      origin: { kind: 'VirtualService', namespace: 'n', name: 'reviews', file: 'a.yaml', line: 7 },
    },
    timeoutMs: 0,
    idleTimeoutMs: 3000,
    hostRewrite: 'other',
    requestEdits: { remove: ['x-secret'], set: [['x-level', 'table']], add: [['x-percent', '100%']] },
    responseEdits: { remove: ['x-gone'], set: [], add: [] },
    retry: {
      attempts: 3,
      perTryTimeoutMs: 2000,
      retriableStatusCodes: [503],
      avoidPreviousHosts: true,
      hostSelectionAttempts: 5,
      backoffBaseMs: 100,
      backoffMaxMs: 1000,
    },
    fault: { delayPartsPerMillion: 100_000, delayMs: 1500, abortPartsPerMillion: 500, abortStatus: 555 },
  })
  if (decision.kind !== 'forward') return
  expect(explainRetryOn(decision.retry?.on ?? 0)).toEqual(['5xx', 'connect-failure', 'retriable-status-codes'])
  expect(drawFault(decision.fault, () => 0.09)).toEqual({ delayMs: 1500, abort: false })
  expect(drawFault(decision.fault, () => 0.0004)).toEqual({ delayMs: 1500, abort: true })
  expect(drawFault(decision.fault, () => 0.5)).toEqual({ delayMs: 0, abort: false })
})

test('settings of legs win over the route, the route over the host', () => {
  const fault = (status: number): string =>
    `typed_per_filter_config: { envoy.filters.http.fault: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, abort: { http_status: ${status}, percentage: { numerator: 100 } } } }`
  const table = routeTableFromYaml(`
virtual_hosts:
- name: v
  domains: ["*"]
  ${fault(501)}
  retry_policy: { retry_on: reset }
  routes:
  - match: { path: /host }
    route: { cluster: c }
  - match: { prefix: / }
    ${fault(502)}
    route:
      retry_policy: { retry_on: 5xx }
      host_rewrite_literal: route
      weighted_clusters:
        clusters:
        - { name: a, weight: 1, host_rewrite_literal: leg, request_headers_to_add: [ { header: { key: x, value: leg } } ], ${fault(503)} }
        - { name: b, weight: 1 }
`)
  const decide = (path: string, random: number): Decision =>
    table.decide(toRequestView({ authority: 'h', path }), () => random)
  expect(decide('/host', 0)).toMatchObject({ fault: { abortStatus: 501 }, retry: { on: 4 } })
  expect(decide('/', 0)).toMatchObject({
    cluster: 'a',
    hostRewrite: 'leg',
    fault: { abortStatus: 503 },
    requestEdits: { add: [['x', 'leg']] },
  })
  expect(decide('/', 0.9)).toMatchObject({
    cluster: 'b',
    hostRewrite: 'route',
    fault: { abortStatus: 502 },
    retry: { on: 1 },
  })
})

test('most_specific_header_mutations_wins turns the order of edits round', () => {
  const yaml = (wins: boolean): string => `
most_specific_header_mutations_wins: ${wins}
request_headers_to_add: [ { header: { key: x, value: table }, append: false } ]
virtual_hosts: [ { name: v, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: c }, request_headers_to_add: [ { header: { key: x, value: route }, append: false } ] } ] } ]
`
  const value = (wins: boolean): unknown =>
    routeTableFromYaml(yaml(wins)).decide(toRequestView({ authority: 'h', path: '/' }), () => 0)
  expect(value(false)).toMatchObject({ requestEdits: { set: [['x', 'table']] } })
  expect(value(true)).toMatchObject({ requestEdits: { set: [['x', 'route']] } })
})

/** The path inside `virtual_hosts[0].routes[0]` that a faulty route is refused at. */
describe('refused with the path of the field', () => {
  test.each([
    [
      'match: { prefix: / }, route: { cluster: c, hash_policy: [ { filter_state: { key: x } } ] }',
      'route.hash_policy[0].filter_state',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, hash_policy: [ { header: { header_name: x, regex_rewrite: { pattern: { regex: a }, substitution: b } } } ] }',
      'route.hash_policy[0].header.regex_rewrite',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, hash_policy: [ { cookie: { name: c, attributes: [ { name: a } ] } } ] }',
      'route.hash_policy[0].cookie.attributes',
    ],
    ['match: { prefix: / }, route: { cluster: c, hash_policy: [ {} ] }', 'route.hash_policy[0]'],
    [
      'match: { prefix: / }, route: { cluster: c, hash_policy: [ { cookie: { name: "a b" } } ] }',
      'route.hash_policy[0].cookie.name',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, hash_policy: [ { cookie: { name: a, path: "/;x" } } ] }',
      'route.hash_policy[0].cookie.path',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, hash_policy: [ { connection_properties: {} } ] }',
      'route.hash_policy[0].connection_properties',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, request_mirror_policies: [ { cluster: m } ] }',
      'route.request_mirror_policies',
    ],
    ['match: { prefix: / }, route: { cluster: c, priority: HIGH }', 'route.priority'],
    ['match: { prefix: / }, route: { cluster_header: x }', 'route.cluster_header'],
    ['match: { prefix: / }, route: { cluster: c, auto_host_rewrite: true }', 'route.auto_host_rewrite'],
    [
      'match: { prefix: / }, route: { cluster: c, max_stream_duration: { grpc_timeout_header_max: -1s } }',
      'route.max_stream_duration.grpc_timeout_header_max',
    ],
    ['match: { prefix: / }, route: { cluster: c, max_grpc_timeout: 1s }', 'route.max_grpc_timeout'],
    ['match: { prefix: /, grpc: {} }, route: { cluster: c }', 'match.grpc'],
    ['match: { connect_matcher: {} }, route: { cluster: c, prefix_rewrite: /a }', 'route'],
    [
      'match: { prefix: / }, route: { cluster: c, upgrade_configs: [ { upgrade_type: spdy } ] }',
      'route.upgrade_configs[0].upgrade_type',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, upgrade_configs: [ { upgrade_type: websocket }, { upgrade_type: WebSocket } ] }',
      'route.upgrade_configs[1].upgrade_type',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, upgrade_configs: [ { upgrade_type: websocket, connect_config: {} } ] }',
      'route.upgrade_configs[0].connect_config',
    ],
    [
      'match: { connect_matcher: {} }, route: { cluster: c, upgrade_configs: [ { upgrade_type: CONNECT, connect_config: { allow_post: true } } ] }',
      'route.upgrade_configs[0].connect_config.allow_post',
    ],
    [
      'match: { prefix: /, dynamic_metadata: [ { filter: f, path: [ { key: k } ], value: { present_match: true } } ] }, route: { cluster: c }',
      'match.dynamic_metadata',
    ],
    ['match: { safe_regex: { regex: "(" } }, route: { cluster: c }', 'match.safe_regex.regex'],
    ['match: { safe_regex: { regex: "(?=a)" } }, route: { cluster: c }', 'match.safe_regex.regex'],
    ['match: { path_separated_prefix: /a/ }, route: { cluster: c }', 'match.path_separated_prefix'],
    ['match: { prefix: / }, tracing: {}, route: { cluster: c }', 'tracing'],
    ['match: { prefix: / }, non_forwarding_action: {}', 'non_forwarding_action'],
    ['match: { prefix: / }', ''],
    ['route: { cluster: c }', 'match'],
    [
      'match: { prefix: / }, route: { cluster: c, retry_policy: { retry_on: "5xx,envoy-ratelimited" } }',
      'route.retry_policy.retry_on',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, retry_policy: { retriable_headers: [ { name: x } ] } }',
      'route.retry_policy.retriable_headers',
    ],
    [
      'match: { prefix: / }, route: { weighted_clusters: { clusters: [ { name: a, weight: 0 } ] } }',
      'route.weighted_clusters.clusters',
    ],
    [
      'match: { prefix: / }, route: { weighted_clusters: { clusters: [ { name: a, weight: 1 } ], total_weight: 5 } }',
      'route.weighted_clusters.total_weight',
    ],
    ['match: { prefix: / }, route: { cluster: c, timeout: -1s }', 'route.timeout'],
    [
      'match: { prefix: / }, route: { cluster: c, prefix_rewrite: /a, regex_rewrite: { pattern: { regex: a }, substitution: b } }',
      'route.regex_rewrite',
    ],
    [
      'match: { prefix: / }, route: { cluster: c, regex_rewrite: { pattern: { regex: a }, substitution: "\\\\1" } }',
      'route.regex_rewrite.substitution',
    ],
    ['match: { prefix: / }, direct_response: { status: 99 }', 'direct_response.status'],
    [
      'match: { prefix: / }, direct_response: { status: 200, body: { filename: /etc/passwd } }',
      'direct_response.body.filename',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, request_headers_to_add: [ { header: { key: x, value: "%REQ(y)%" } } ]',
      'request_headers_to_add[0].header.value',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, request_headers_to_add: [ { header: { key: x, value: y }, append_action: ADD_IF_ABSENT } ]',
      'request_headers_to_add[0].append_action',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, request_headers_to_remove: [ ":path" ]',
      'request_headers_to_remove[0]',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, response_headers_to_add: [ { header: { key: Content-Length, value: "5" } } ]',
      'response_headers_to_add[0].header.key',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, typed_per_filter_config: { envoy.filters.http.cors: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault } }',
      'typed_per_filter_config["envoy.filters.http.cors"]',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, typed_per_filter_config: { __proto__: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault } }',
      'typed_per_filter_config["__proto__"]',
    ],
    [
      'match: { prefix: / }, route: { cluster: c }, typed_per_filter_config: { envoy.filters.http.fault: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault, max_active_faults: 1 } }',
      'typed_per_filter_config["envoy.filters.http.fault"].max_active_faults',
    ],
  ])('{ %s } at %p', (route, path) => {
    const faults = routeFaultsFromYaml(`virtual_hosts: [ { name: v, domains: ["*"], routes: [ { ${route} } ] } ]`)
    const prefix = 'virtual_hosts[0].routes[0]'
    expect(faults.map((fault) => fault.path)).toEqual([path === '' ? prefix : `${prefix}.${path}`])
  })

  test('all faults of a table at once', () => {
    const faults = routeFaultsFromYaml(`
internal_only_headers: [ x ]
validate_clusters: true
virtual_hosts:
- { name: a, domains: [ X.example ], require_tls: ALL, cors: {}, include_request_attempt_count: true }
- { name: b, domains: [ x.example ], rate_limits: [ { actions: [ { remote_address: {} } ] } ] }
`)
    expect(faults.map((fault) => fault.path).toSorted()).toEqual([
      'internal_only_headers',
      'validate_clusters',
      'virtual_hosts[0].cors',
      'virtual_hosts[0].include_request_attempt_count',
      'virtual_hosts[0].require_tls',
      'virtual_hosts[1].domains',
      'virtual_hosts[1].rate_limits',
    ])
  })
})

test('names of object prototypes are ordinary names', () => {
  const table = routeTableFromYaml(`
virtual_hosts:
- name: __proto__
  domains: [ __proto__, constructor ]
  request_headers_to_add: [ { header: { key: __proto__, value: toString } } ]
  routes: [ { name: constructor, match: { prefix: / }, route: { cluster: __proto__ } } ]
`)
  const decide = (authority: string): Decision => table.decide(toRequestView({ authority, path: '/' }), () => 0)
  expect(decide('__proto__')).toMatchObject({
    cluster: '__proto__',
    requestEdits: { add: [['__proto__', 'toString']] },
  })
  expect(decide('constructor')).toMatchObject({ route: { name: 'constructor', virtualHost: '__proto__' } })
  expect(decide('toString').kind).toBe('no-route')
})

test('compileRouteConfiguration() hands the hash policies of a route to its decisions', () => {
  const routes = `
    - match: { path: /plain }
      route: { cluster: c }
    - match: { prefix: / }
      route:
        cluster: c
        hash_policy:
          - { header: { header_name: X-User }, terminal: true }
          - { cookie: { name: sid, path: /shop, ttl: 90.5s } }
          - { cookie: { name: other } }
          - { connection_properties: { source_ip: true } }
          - { query_parameter: { name: User } }`
  const table = routeTableFromYaml(`virtual_hosts:\n- name: all\n  domains: ["*"]\n  routes:${routes}`)
  const decide = (path: string) => table.decide(toRequestView({ authority: 'h', path }), () => 0)
  expect(decide('/plain')).toMatchObject({ kind: 'forward', hashPolicies: undefined })
  expect(decide('/')).toMatchObject({
    kind: 'forward',
    hashPolicies: [
      { kind: 'header', name: 'x-user', terminal: true },
      { kind: 'cookie', name: 'sid', path: '/shop', ttlSeconds: 90, terminal: false },
      { kind: 'cookie', name: 'other', path: '', ttlSeconds: undefined, terminal: false },
      { kind: 'source-ip', terminal: false },
      { kind: 'query', name: 'User', terminal: false },
    ],
  })
})
