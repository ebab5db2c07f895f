import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

import { type HttpCase, request } from '../case.ts'

const type = 'type.googleapis.com/envoy.extensions.filters.http'
const all: JsonObject = { any: true }

interface Policy {
  readonly name?: string
  readonly permissions?: readonly JsonObject[]
  readonly principals?: readonly JsonObject[]
}

function rules(action: 'ALLOW' | 'DENY', ...policies: readonly Policy[]): JsonObject {
  const named = policies.map(({ name = 'the rule', permissions = [all], principals = [all] }): [string, JsonValue] => [
    name,
    { permissions: [...permissions], principals: [...principals] },
  ])
  return { action, policies: Object.fromEntries(named) }
}

function filter(settings: JsonObject): JsonObject {
  return { name: 'envoy.filters.http.rbac', typed_config: { '@type': `${type}.rbac.v3.RBAC`, ...settings } }
}

function perRoute(settings: JsonObject): JsonObject {
  return { 'envoy.filters.http.rbac': { '@type': `${type}.rbac.v3.RBACPerRoute`, ...settings } }
}

const faultFilter: JsonObject = {
  name: 'envoy.filters.http.fault',
  typed_config: { '@type': `${type}.fault.v3.HTTPFault` },
}
const aborting: JsonObject = {
  'envoy.filters.http.fault': {
    '@type': `${type}.fault.v3.HTTPFault`,
    abort: { http_status: 418, percentage: { numerator: 100 } },
  },
}

const header = (name: string, match: JsonObject): JsonObject => ({ header: { name, ...match } })
const exact = (text: string): JsonObject => ({ string_match: { exact: text } })
const path = (match: JsonObject): JsonObject => ({ url_path: { path: match } })

/** One policy, put to the same requests once as ALLOW and once as DENY. */
function both(name: string, policy: Policy, text: string): readonly HttpCase[] {
  return (['ALLOW', 'DENY'] as const).map((action) => ({
    name: `RBAC ${action}: ${name}`,
    filters: [filter({ rules: rules(action, policy) })],
    steps: text,
  }))
}

const loopback = { address_prefix: '127.0.0.0', prefix_len: 8 }
const elsewhere = { address_prefix: '10.0.0.0', prefix_len: 8 }
const role = header('x-role', exact('admin'))
const notRole = header('x-role', { ...exact('admin'), invert_match: true })
const twice = ['X-Role: user', 'X-Role: admin']

/** `envoy.filters.http.rbac`. */
export const accessControl: readonly HttpCase[] = [
  ...both('anything', {}, request('GET /')),
  ...both('path, exact', { permissions: [path({ exact: '/a' })] }, request('GET /a?x=/b')),
  ...both('path, another', { permissions: [path({ exact: '/a' })] }, request('GET /b?x=/a')),
  ...both('path, prefix', { permissions: [path({ prefix: '/admin' })] }, request('GET /admin/x')),
  ...both('path, case ignored', { permissions: [path({ exact: '/Admin', ignore_case: true })] }, request('GET /aDMIN')),
  ...both(
    'path, regular expression',
    { permissions: [path({ safe_regex: { regex: '/v[0-9]+/.*' } })] },
    request('GET /v12/'),
  ),
  ...both('header', { permissions: [role] }, request('GET /', ['X-Role: admin'])),
  ...both('header, absent', { permissions: [role] }, request('GET /')),
  ...both('header, another value', { permissions: [role] }, request('GET /', ['X-Role: user'])),
  ...both('header as principal', { principals: [role] }, request('GET /', ['X-Role: admin'])),
  ...both('header, inverted', { permissions: [notRole] }, request('GET /', ['X-Role: user'])),
  ...both('header, inverted and absent', { permissions: [notRole] }, request('GET /')),
  ...both('not header, absent', { permissions: [{ not_rule: role }] }, request('GET /')),
  ...both('header on two lines', { permissions: [role] }, request('GET /', twice)),
  ...both('header on two lines, inverted', { permissions: [notRole] }, request('GET /', twice)),
  ...both('not header, on two lines', { permissions: [{ not_rule: role }] }, request('GET /', twice)),
  ...both(
    'header, empty and present',
    { permissions: [header('x-role', { present_match: true })] },
    request('GET /', ['X-Role:']),
  ),
  ...both(
    'header, range',
    { permissions: [header('x-n', { range_match: { start: '1', end: '10' } })] },
    request('GET /', ['X-N: 9']),
  ),
  ...both('method', { permissions: [header(':method', exact('GET'))] }, request('GET /')),
  ...both('authority', { permissions: [header(':authority', exact('app.test'))] }, request('GET /')),
  ...both(
    'authority in capitals',
    { permissions: [header(':authority', exact('app.test'))] },
    request('GET /', ['Host: APP.test']),
  ),
  ...both(
    'and of rules',
    { permissions: [{ and_rules: { rules: [path({ prefix: '/a' }), role] } }] },
    request('GET /a'),
  ),
  ...both('or of rules', { permissions: [{ or_rules: { rules: [path({ prefix: '/a' }), role] } }] }, request('GET /a')),
  ...both('permission without principal', { principals: [{ not_id: all }] }, request('GET /')),
  ...both('destination address', { permissions: [{ destination_ip: loopback }] }, request('GET /')),
  ...both('another destination address', { permissions: [{ destination_ip: elsewhere }] }, request('GET /')),
  ...both(
    'destination ports',
    { permissions: [{ destination_port_range: { start: 1024, end: 65535 } }] },
    request('GET /'),
  ),
  ...both('another destination port', { permissions: [{ destination_port: 1 }] }, request('GET /')),
  ...both('peer address', { principals: [{ direct_remote_ip: loopback }] }, request('GET /')),
  ...both('source address', { principals: [{ source_ip: elsewhere }] }, request('GET /')),
  ...both(
    'client address',
    { principals: [{ remote_ip: elsewhere }] },
    request('GET /', ['X-Forwarded-For: 10.1.2.3']),
  ),
  ...both(
    'peer address behind a proxy',
    { principals: [{ direct_remote_ip: elsewhere }] },
    request('GET /', ['X-Forwarded-For: 10.1.2.3']),
  ),
  ...both('authenticated without TLS', { principals: [{ authenticated: {} }] }, request('GET /')),
  ...both(
    'principal without TLS',
    { principals: [{ authenticated: { principal_name: { prefix: 'spiffe://' } } }] },
    request('GET /'),
  ),
  ...both('server name without TLS', { permissions: [{ requested_server_name: { exact: 'a' } }] }, request('GET /')),
  ...both(
    'client certificate that the client told of',
    { permissions: [header('x-forwarded-client-cert', { present_match: true })] },
    request('GET /', ['X-Forwarded-Client-Cert: URI=spiffe://a/b']),
  ),
  { name: 'RBAC ALLOW without policies', filters: [filter({ rules: rules('ALLOW') })], steps: request('GET /') },
  { name: 'RBAC DENY without policies', filters: [filter({ rules: rules('DENY') })], steps: request('GET /') },
  { name: 'RBAC without rules', filters: [filter({})], steps: request('GET /') },
  {
    name: 'RBAC with shadow rules only',
    filters: [filter({ shadow_rules: rules('DENY', {}) })],
    steps: request('GET /'),
  },
  {
    name: 'RBAC of two filters, the second denies',
    filters: [
      filter({ rules: rules('DENY', { permissions: [role] }) }),
      filter({ rules: rules('ALLOW', { permissions: [path({ exact: '/' })] }) }),
    ],
    steps: request('GET /a'),
  },
  {
    name: 'RBAC denies POST with a body',
    filters: [filter({ rules: rules('DENY', { permissions: [path({ exact: '/' })] }) })],
    steps: request('POST /', ['Content-Length: 3'], 'abc'),
  },
  { name: 'RBAC denies HEAD', filters: [filter({ rules: rules('DENY', {}) })], heads: [0], steps: request('HEAD /') },
  {
    name: 'RBAC switched off for a route',
    filters: [filter({ rules: rules('DENY', {}) })],
    routes: [{ match: { prefix: '/' }, route: { cluster: 'CLUSTER' }, typed_per_filter_config: perRoute({}) }],
    steps: request('GET /'),
  },
  {
    name: 'RBAC of a route in place of the filter',
    filters: [filter({ rules: rules('ALLOW', {}) })],
    routes: [
      {
        match: { prefix: '/' },
        route: { cluster: 'CLUSTER' },
        typed_per_filter_config: perRoute({ rbac: { rules: rules('DENY', {}) } }),
      },
    ],
    steps: request('GET /'),
  },
  {
    name: 'RBAC of a virtual host under that of a route',
    filters: [filter({})],
    virtualHost: { typed_per_filter_config: perRoute({ rbac: { rules: rules('DENY', {}) } }) },
    routes: [{ match: { prefix: '/' }, route: { cluster: 'CLUSTER' }, typed_per_filter_config: perRoute({}) }],
    steps: request('GET /'),
  },
  {
    name: 'RBAC of a weighted cluster',
    filters: [filter({})],
    routes: [
      {
        match: { prefix: '/' },
        route: {
          weighted_clusters: {
            clusters: [
              {
                name: 'CLUSTER',
                weight: 1,
                typed_per_filter_config: perRoute({ rbac: { rules: rules('DENY', {}) } }),
              },
            ],
          },
        },
      },
    ],
    steps: request('GET /'),
  },
  {
    name: 'RBAC denies a redirect',
    filters: [filter({ rules: rules('DENY', {}) })],
    routes: [{ match: { prefix: '/' }, redirect: { host_redirect: 'b.test' } }],
    steps: request('GET /'),
  },
  {
    name: 'RBAC denies where there is no route',
    filters: [filter({ rules: rules('DENY', {}) })],
    routes: [{ match: { prefix: '/a' }, route: { cluster: 'CLUSTER' } }],
    steps: request('GET /b'),
  },
  {
    name: 'RBAC denies with response headers of the route',
    filters: [filter({ rules: rules('DENY', {}) })],
    routes: [
      {
        match: { prefix: '/' },
        route: { cluster: 'CLUSTER' },
        response_headers_to_add: [{ header: { key: 'x-added', value: 'a' } }],
      },
    ],
    steps: request('GET /'),
  },
  {
    name: 'RBAC before a fault',
    filters: [filter({ rules: rules('DENY', {}) }), faultFilter],
    routes: [{ match: { prefix: '/' }, route: { cluster: 'CLUSTER' }, typed_per_filter_config: aborting }],
    steps: request('GET /'),
  },
  {
    name: 'RBAC behind a fault',
    filters: [faultFilter, filter({ rules: rules('DENY', {}) })],
    routes: [{ match: { prefix: '/' }, route: { cluster: 'CLUSTER' }, typed_per_filter_config: aborting }],
    steps: request('GET /'),
  },
  {
    name: 'RBAC denies a path that is normalised',
    manager: { normalize_path: true, merge_slashes: true },
    filters: [filter({ rules: rules('DENY', { permissions: [path({ prefix: '/private' })] }) })],
    steps: request('GET /public/..//private/%2e/x'),
  },
  {
    name: 'RBAC denies a path with escaped slashes',
    manager: { normalize_path: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' },
    filters: [filter({ rules: rules('DENY', { permissions: [path({ prefix: '/private' })] }) })],
    steps: request('GET /a%2f..%5Cprivate'),
  },
  {
    name: 'RBAC denies a path with parameters',
    filters: [filter({ rules: rules('DENY', { permissions: [path({ exact: '/admin' })] }) })],
    steps: request('GET /admin;a=b'),
  },
  {
    name: 'RBAC allows a path and not with parameters',
    filters: [filter({ rules: rules('ALLOW', { permissions: [path({ prefix: '/public/..;/' })] }) })],
    steps: request('GET /public/..;/admin'),
  },
  {
    name: 'RBAC denies by a path with a fragment',
    filters: [filter({ rules: rules('DENY', { permissions: [path({ exact: '/admin' })] }) })],
    steps: request('GET /admin#a'),
    hostile: true,
  },
  {
    name: 'RBAC denies by a header that is not UTF-8',
    filters: [
      filter({
        rules: rules('DENY', {
          permissions: [{ not_rule: header('x-a', { string_match: { safe_regex: { regex: '[a-z]+' } } }) }],
        }),
      }),
    ],
    steps: request('GET /', ['X-A: \xff\xfe']),
    hostile: true,
  },
]
