import { create, toBinary } from '@bufbuild/protobuf'

import { type AdminSource, answerAdmin } from '../src/proxy/admin/index.ts'
import { createProxyLog } from '../src/proxy/proxy-log.ts'
import { createTelemetry } from '../src/telemetry/index.ts'
import { ClusterSchema } from '../src/xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { TypeUrl } from '../src/xds/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const telemetry = createTelemetry()
telemetry.counter('envoy_cluster_upstream_cx_total', { envoy_cluster_name: 'up"\n' }).value = 3
telemetry.gauge('envoy_http_downstream_cx_active', { envoy_http_conn_manager_prefix: 'in' }).value = 1

const secret = 'key material'
const limits = { maxConnections: 4, maxPendingRequests: 3, maxRequests: 2, maxRetries: 1 }

const source: AdminSource = {
  state: () => 'LIVE',
  waiting: () => [],
  metrics: () => telemetry.expose(),
  resetCounters: () => undefined,
  describe: () => ({
    listeners: [{ name: 'l', address: '127.0.0.1', port: 8080, connections: 1 }],
    clusters: [{ name: 'up', limits, endpoints: [] }],
    routeTables: [],
    activeRequests: 0,
    state: 'serving',
  }),
  resources: () => [
    {
      typeUrl: TypeUrl.cluster,
      name: 'up',
      version: '7',
      bytes: toBinary(ClusterSchema, create(ClusterSchema, { name: 'up', altStatName: 'u' })),
    },
    { typeUrl: TypeUrl.secret, name: 'default', version: '8', bytes: new TextEncoder().encode(secret) },
  ],
  bootstrap: () => ({
    node: { id: 'n', cluster: 'c' },
    static_resources: {
      secrets: [{ name: 's', tls_certificate: { private_key: { inline_string: secret } } }],
      clusters: [{ name: 'fixed' }],
    },
  }),
  certificates: () => [],
  info: () => ({ version: 'weft/fuzz' }),
  uptimeSeconds: () => 12,
  log: createProxyLog(() => undefined),
  drain: () => undefined,
  failHealthCheck: () => undefined,
  quit: () => undefined,
}

const texts = [
  'GET /stats?filter=cx_(total|active)&usedonly&format=json',
  'GET /stats/prometheus?filter=.*up&usedonly',
  'GET /config_dump?resource=dynamic_active_clusters&mask=cluster.name',
  'GET /config_dump?name_regex=u.*&mask=bootstrap.node.id,bootstrap.static_resources',
  'GET /clusters?format=json',
  'GET /certs',
  'POST /logging?paths=http:debug,upstream:info',
  'POST /drain_listeners?inboundonly&graceful',
  'HEAD /server_info',
]

/** Requests to the admin interface: a method, a path with a query. */
export const adminRequest: FuzzTarget = {
  name: 'admin-request',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    'GET ',
    'POST ',
    '?',
    '&',
    '=',
    '%',
    '%00',
    '%ff',
    'mask=',
    '__proto__',
    'constructor',
    'bootstrap',
    '.',
    ',',
    'name_regex=',
    'filter=',
    '(',
    '\\',
    ')*',
    'format=json',
    'resource=',
    'secrets',
    'level=',
    'off',
    '/help',
    '/memory',
    '/listeners',
    '+',
    '#',
  ],
  async run(input) {
    const text = input.toString('latin1')
    const space = text.indexOf(' ')
    const url = URL.parse(`http://127.0.0.1/${text.slice(space + 2)}`)
    const method = text.slice(0, Math.max(0, space))
    if (url === null || url.hostname !== '127.0.0.1' || !/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS)$/.test(method))
      return 'not sent'
    const response = answerAdmin(new Request(url.href, { method }), source)
    const body = await response.text()
    expectThat([200, 400, 404, 405].includes(response.status), `status ${response.status}`)
    const type = response.headers.get('content-type') ?? ''
    expectThat(type.startsWith('text/plain') || type === 'application/json', `a body of type ${type}`)
    expectThat(body.length < 20_000 + 8 * text.length, `${body.length} characters`)
    expectThat(!body.includes(secret) && !body.includes(btoa(secret)), 'a secret is shown')
    if (type === 'application/json') JSON.parse(body)
    if (response.status === 404) return '404'
    return `${url.pathname} ${response.status} ${type.slice(0, 12)} ${body.length >> 6}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(adminRequest)
