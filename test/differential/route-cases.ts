/**
 * Route configurations and requests for the differential test. Clusters are `a` to `f`; `query` and headers are sent as
 * written. Weights are all-or-nothing, so that the outcome does not depend on a draw.
 *
 * Left out on purpose: several lines of one header. Envoy 1.40 matches each line by itself (any one is enough); `decide`
 * sees them joined by commas, which RFC 9110 section 5.3 says is the same, so that a request means one thing to every
 * matcher however an intermediary wrote it.
 */
export interface RouteCase {
  readonly name: string
  /** YAML of a RouteConfiguration without its name. */
  readonly routes: string
  readonly requests: readonly CaseRequest[]
}

/** A request as lines: method and target, then headers. */
export interface CaseRequest {
  readonly method?: string
  readonly host: string
  readonly target: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

const get = (target: string, ...headers: (readonly [string, string])[]): CaseRequest => ({ host: 'h', target, headers })
const at = (host: string, target = '/'): CaseRequest => ({ host, target })

/** One virtual host for every authority. */
const all = (routes: string): string => `virtual_hosts: [ { name: all, domains: ["*"], routes: [ ${routes} ] } ]`

/** A route to `a` under a condition, then one to `b` for the rest. */
const when = (match: string): string =>
  all(`{ match: { ${match} }, route: { cluster: a } }, { match: { prefix: / }, route: { cluster: b } }`)

const headerWhen = (matcher: string): string => when(`prefix: /, headers: [ ${matcher} ]`)
const queryWhen = (matcher: string): string => when(`prefix: /, query_parameters: [ ${matcher} ]`)

const headerRequests: readonly CaseRequest[] = [
  get('/'),
  get('/', ['x', '']),
  get('/', ['x', 'v']),
  get('/', ['x', 'V']),
  get('/', ['x', 'other']),
  get('/', ['x', '5']),
  get('/', ['x', '10']),
  get('/', ['x', '-3']),
  get('/', ['x', '5a']),
]

const queryRequests: readonly CaseRequest[] = [
  '/',
  '/?q',
  '/?q=',
  '/?q=v',
  '/?q=w&q=v',
  '/?q=v&q=w',
  '/?qq=v',
  '/?Q=v',
  '/?q=a%20b',
  '/?q=a+b',
  '/?x=1&q=v',
].map((target) => get(target))

const pathRequests: readonly CaseRequest[] = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/ab',
  '/A',
  '/A/b',
  '/a?x=/a/b',
  '/b/a',
  '/bit',
  '/bite',
  '/x/bit',
].map((target) => get(target))

/** The cases. */
export const routeCases: readonly RouteCase[] = [
  { name: 'prefix', routes: when('prefix: /a'), requests: pathRequests },
  { name: 'prefix with slash', routes: when('prefix: /a/'), requests: pathRequests },
  { name: 'prefix without case', routes: when('prefix: /A, case_sensitive: false'), requests: pathRequests },
  { name: 'path', routes: when('path: /a'), requests: pathRequests },
  { name: 'path without case', routes: when('path: /A, case_sensitive: false'), requests: pathRequests },
  { name: 'path separated prefix', routes: when('path_separated_prefix: /a'), requests: pathRequests },
  {
    name: 'path separated prefix without case',
    routes: when('path_separated_prefix: /A, case_sensitive: false'),
    requests: pathRequests,
  },
  { name: 'regex', routes: when('safe_regex: { regex: "/b[io]t" }'), requests: pathRequests },
  { name: 'regex with flags', routes: when('safe_regex: { regex: "(?i)/a(/.*)?" }'), requests: pathRequests },
  { name: 'header exact', routes: headerWhen('{ name: x, string_match: { exact: v } }'), requests: headerRequests },
  {
    name: 'header without case',
    routes: headerWhen('{ name: X, string_match: { exact: v, ignore_case: true } }'),
    requests: headerRequests,
  },
  {
    name: 'header inverted',
    routes: headerWhen('{ name: x, string_match: { exact: v }, invert_match: true }'),
    requests: headerRequests,
  },
  {
    name: 'header inverted, missing is empty',
    routes: headerWhen(
      '{ name: x, string_match: { exact: v }, invert_match: true, treat_missing_header_as_empty: true }',
    ),
    requests: headerRequests,
  },
  { name: 'header present', routes: headerWhen('{ name: x, present_match: true }'), requests: headerRequests },
  { name: 'header absent', routes: headerWhen('{ name: x, present_match: false }'), requests: headerRequests },
  {
    name: 'header not present inverted',
    routes: headerWhen('{ name: x, present_match: true, invert_match: true }'),
    requests: headerRequests,
  },
  {
    name: 'header present, missing is empty',
    routes: headerWhen('{ name: x, present_match: true, treat_missing_header_as_empty: true }'),
    requests: headerRequests,
  },
  { name: 'header without specifier', routes: headerWhen('{ name: x }'), requests: headerRequests },
  {
    name: 'header range',
    routes: headerWhen('{ name: x, range_match: { start: -3, end: 10 } }'),
    requests: headerRequests,
  },
  {
    name: 'header regex',
    routes: headerWhen('{ name: x, string_match: { safe_regex: { regex: "[vw]" } } }'),
    requests: headerRequests,
  },
  { name: 'header prefix', routes: headerWhen('{ name: x, string_match: { prefix: v } }'), requests: headerRequests },
  {
    name: 'method',
    routes: headerWhen('{ name: ":method", string_match: { exact: POST } }'),
    requests: [get('/'), { ...get('/'), method: 'POST' }],
  },
  {
    name: 'pseudo headers',
    routes: headerWhen(
      '{ name: ":path", string_match: { exact: "/p?q=1" } }, { name: ":authority", string_match: { prefix: h } }, { name: host, present_match: true }',
    ),
    requests: [get('/p?q=1'), get('/p'), { host: 'other', target: '/p?q=1' }],
  },
  { name: 'query exact', routes: queryWhen('{ name: q, string_match: { exact: v } }'), requests: queryRequests },
  {
    name: 'query exact with space',
    routes: queryWhen('{ name: q, string_match: { exact: "a b" } }'),
    requests: queryRequests,
  },
  { name: 'query empty', routes: queryWhen('{ name: q, string_match: { exact: "" } }'), requests: queryRequests },
  { name: 'query present', routes: queryWhen('{ name: q, present_match: true }'), requests: queryRequests },
  { name: 'query absent', routes: queryWhen('{ name: q, present_match: false }'), requests: queryRequests },
  { name: 'query without specifier', routes: queryWhen('{ name: q }'), requests: queryRequests },
  {
    name: 'order',
    routes: all(`
      { match: { prefix: /a, headers: [ { name: x, string_match: { exact: v } } ] }, route: { cluster: a } },
      { match: { path: /a/b }, route: { cluster: b } },
      { match: { safe_regex: { regex: "/a/.*" } }, route: { cluster: c } },
      { match: { prefix: /a/bc }, route: { cluster: d } },
      { match: { path: /z }, route: { cluster: e } },
      { match: { prefix: / }, route: { cluster: f } }`),
    requests: [...pathRequests, get('/a/b', ['x', 'v']), get('/a/bc'), get('/z'), get('/z?q')],
  },
  {
    name: 'domains',
    routes: `virtual_hosts:
- { name: exact, domains: [ www.example.com ], routes: [ { match: { prefix: / }, route: { cluster: a } } ] }
- { name: port, domains: [ "www.example.com:8080" ], routes: [ { match: { prefix: / }, route: { cluster: b } } ] }
- { name: suffix, domains: [ "*.example.com", "*-bar.example.com" ], routes: [ { match: { prefix: / }, route: { cluster: c } } ] }
- { name: longer, domains: [ "*.api.example.com", "www.example.*" ], routes: [ { match: { prefix: / }, route: { cluster: d } } ] }
- { name: prefix, domains: [ "www.*" ], routes: [ { match: { prefix: / }, route: { cluster: e } } ] }
- { name: any, domains: [ "*" ], routes: [ { match: { prefix: / }, route: { cluster: f } } ] }`,
    requests: [
      at('www.example.com'),
      at('WWW.Example.com'),
      at('www.example.com:8080'),
      at('www.example.com:81'),
      at('a.example.com'),
      at('a.b.example.com'),
      at('x.api.example.com'),
      at('foo-bar.example.com'),
      at('www.example.org'),
      at('www.other'),
      at('elsewhere:9'),
    ],
  },
  {
    name: 'no host and no route',
    routes:
      'virtual_hosts: [ { name: v, domains: [ known ], routes: [ { match: { path: /here }, route: { cluster: a } } ] } ]',
    requests: [at('known', '/here'), at('known', '/there'), at('unknown', '/here')],
  },
  {
    name: 'ignored port',
    routes:
      'ignore_port_in_host_matching: true\nvirtual_hosts: [ { name: v, domains: [ known ], routes: [ { match: { prefix: / }, route: { cluster: a } } ] } ]',
    requests: [at('known:80'), at('known'), at('unknown:80')],
  },
  {
    name: 'weights and fractions',
    routes: all(`
      { match: { prefix: /w }, route: { weighted_clusters: { clusters: [ { name: a, weight: 0 }, { name: b, weight: 100 }, { name: c, weight: 0 } ] } } },
      { match: { prefix: /, runtime_fraction: { default_value: { numerator: 0 } } }, route: { cluster: d } },
      { match: { prefix: /, runtime_fraction: { default_value: { numerator: 1000000, denominator: MILLION } } }, route: { cluster: e } }`),
    requests: [get('/w'), get('/')],
  },
  ...[
    'https_redirect: true',
    'scheme_redirect: https, port_redirect: 8443',
    'host_redirect: other',
    'host_redirect: other, port_redirect: 81',
    'path_redirect: /new',
    'path_redirect: "/new?y=2"',
    'path_redirect: /new, strip_query: true',
    'prefix_rewrite: /r',
    'prefix_rewrite: /r, strip_query: true, response_code: FOUND',
    'regex_rewrite: { pattern: { regex: "q" }, substitution: "z" }',
    'strip_query: true, response_code: TEMPORARY_REDIRECT',
    'response_code: PERMANENT_REDIRECT, path_redirect: /x',
    'response_code: SEE_OTHER, path_redirect: /x',
  ].map((redirect) => ({
    name: `redirect ${redirect}`,
    routes: all(
      `{ match: { prefix: /p }, redirect: { ${redirect} }, response_headers_to_add: [ { header: { key: x-res, value: r } } ] }`,
    ),
    requests: [get('/p/q?x=1'), get('/p'), at('h:80', '/p?q'), at('h:443', '/p'), at('h:8080', '/pq')],
  })),
  {
    name: 'direct response',
    routes: all(
      '{ match: { prefix: / }, direct_response: { status: 418, body: { inline_string: tea } }, response_headers_to_add: [ { header: { key: x-res, value: r } } ] }',
    ),
    requests: [get('/')],
  },
  ...[
    ['prefix: /a', 'prefix_rewrite: /'],
    ['prefix: /a/', 'prefix_rewrite: /'],
    ['prefix: /A, case_sensitive: false', 'prefix_rewrite: /x'],
    ['path: /a', 'prefix_rewrite: /listproducts'],
    ['path_separated_prefix: /a', 'prefix_rewrite: /z'],
    ['safe_regex: { regex: "/b.*" }', 'prefix_rewrite: /v'],
    ['prefix: /', 'regex_rewrite: { pattern: { regex: "^/([^/]+)(/.*)?$" }, substitution: "\\\\2/x\\\\1" }'],
    ['prefix: /', 'regex_rewrite: { pattern: { regex: "b*" }, substitution: "/-" }'],
    ['prefix: /', 'host_rewrite_literal: other.example'],
  ].map(([match, rewrite]) => ({
    name: `${match} with ${rewrite}`,
    routes: all(`{ match: { ${match} }, route: { cluster: a, ${rewrite} } }`),
    requests: [...pathRequests, get('/a/b?q=/a/b')],
  })),
  ...[false, true].map((wins) => ({
    name: `header edits, most specific wins: ${wins}`,
    routes: `
most_specific_header_mutations_wins: ${wins}
request_headers_to_add: [ { header: { key: x-set, value: table }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }, { header: { key: x-add, value: table } } ]
request_headers_to_remove: [ x-leg, x-in ]
response_headers_to_add: [ { header: { key: x-res, value: table }, append_action: OVERWRITE_IF_EXISTS_OR_ADD } ]
virtual_hosts:
- name: v
  domains: ["*"]
  request_headers_to_add: [ { header: { key: x-set, value: host }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }, { header: { key: x-add, value: "100%%" } }, { header: { key: x-empty, value: "" } }, { header: { key: x-kept, value: "" }, keep_empty_value: true } ]
  response_headers_to_add: [ { header: { key: x-res, value: host } }, { header: { key: x-more, value: host } } ]
  response_headers_to_remove: [ x-upstream ]
  routes:
  - match: { prefix: / }
    request_headers_to_add: [ { header: { key: x-set, value: route }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }, { header: { key: x-add, value: route } } ]
    request_headers_to_remove: [ x-set ]
    route:
      weighted_clusters:
        clusters:
        - { name: a, weight: 1, host_rewrite_literal: leg, request_headers_to_add: [ { header: { key: x-leg, value: leg } }, { header: { key: x-add, value: leg } } ], response_headers_to_add: [ { header: { key: x-res, value: leg } } ] }
`,
    requests: [get('/'), get('/', ['x-in', '1'], ['x-set', 'in'], ['x-add', 'in'], ['x-other', 'in'])],
  })),
]
