import { create, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createTestAuthority } from '../../net/certificates.fixture.ts'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { TypeUrl } from '../../xds/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { createProxyLog } from '../proxy-log.ts'
import { type AdminServer, startAdminServer } from './admin-server.ts'
import type { AdminSource, ServerState } from './admin-source.ts'
import { statName } from './describe-stats.ts'

const calls: string[] = []
const printed: string[] = []
const log = createProxyLog((text) => printed.push(text))
const telemetry = createTelemetry()
const authority = await createTestAuthority()
const identity = await authority.issue({ uris: ['spiffe://cluster.local/ns/default/sa/reviews'] })
let state: ServerState = 'LIVE'
let server: AdminServer

const source: AdminSource = {
  state: () => state,
  waiting: () => ['listener l'],
  metrics: () => telemetry.expose(),
  resetCounters: () => telemetry.resetCounters(),
  describe: () => ({
    listeners: [{ name: 'l', address: '127.0.0.1', port: 8080, connections: 1 }],
    clusters: [
      {
        name: 'up',
        limits: { maxConnections: 4, maxPendingRequests: 3, maxRequests: 2, maxRetries: 1 },
        endpoints: [
          {
            address: '10.0.0.1',
            port: 80,
            weight: 2,
            health: '/failed_outlier_check',
            activeRequests: 1,
            connections: 2,
            totalRequests: 9,
          },
        ],
      },
    ],
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
    { typeUrl: TypeUrl.secret, name: 'default', version: '8', bytes: new TextEncoder().encode('key material') },
  ],
  bootstrap: () => ({
    node: { id: 'n', cluster: 'c' },
    static_resources: {
      secrets: [{ name: 's', tls_certificate: { private_key: { inline_string: 'key material' } } }],
      clusters: [{ name: 'fixed' }],
      listeners: [{ name: 'l' }],
    },
  }),
  certificates: () => [{ name: 'default', certificateChain: identity.certificateChain, trustedCa: authority.bundle }],
  info: () => ({ version: 'weft/test', node: { id: 'n' } }),
  uptimeSeconds: () => 12,
  log,
  drain: (inboundOnly) => calls.push(inboundOnly ? 'drain inbound' : 'drain'),
  failHealthCheck: (failed) => {
    state = failed ? 'DRAINING' : 'LIVE'
  },
  quit: () => calls.push('quit'),
}

beforeAll(async () => {
  server = await startAdminServer({ address: '127.0.0.1', port: 0 }, source)
})
afterAll(() => server[Symbol.asyncDispose]())

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}${path}`, init)
}

async function text(path: string): Promise<string> {
  return (await ask(path)).text()
}

async function data(path: string): Promise<unknown> {
  return (await ask(path)).json()
}

describe('who may ask', () => {
  test.each([
    [{ host: 'evil.example' }, 403],
    [{ host: 'localhost' }, 200],
    [{ host: '[::1]:1' }, 200],
    [{ origin: 'http://evil.example' }, 403],
  ])('a request with %p is answered %p', async (headers, status) => {
    expect((await ask('/ready', { headers })).status).toBe(status)
  })

  test.each([
    ['/quitquitquit', 'GET', 405],
    ['/drain_listeners', 'GET', 405],
    ['/healthcheck/fail', 'GET', 405],
    ['/reset_counters', 'GET', 405],
    ['/logging', 'GET', 405],
    ['/stats', 'POST', 405],
    ['/config_dump', 'DELETE', 405],
    ['/nothing', 'GET', 404],
    ['/__proto__', 'GET', 404],
    ['/constructor', 'POST', 404],
  ])('%s by %s is answered %p', async (path, method, status) => {
    expect((await ask(path, { method })).status).toBe(status)
  })

  test('startAdminServer() binds loopback only', () => {
    expect(() => startAdminServer({ address: '0.0.0.0', port: 0 }, source)).toThrow('loopback')
  })
})

describe('pages', () => {
  test('/clusters as text and as JSON', async () => {
    expect((await text('/clusters')).split('\n')).toEqual(
      expect.arrayContaining([
        'up::default_priority::max_pending_requests::3',
        'up::10.0.0.1:80::rq_total::9',
        'up::10.0.0.1:80::health_flags::/failed_outlier_check',
      ]),
    )
    expect(await data('/clusters?format=json')).toMatchObject({
      cluster_statuses: [
        {
          name: 'up',
          host_statuses: [
            {
              address: { socket_address: { address: '10.0.0.1', port_value: 80 } },
              health_status: { failed_outlier_check: true },
              weight: 2,
            },
          ],
        },
      ],
    })
  })

  test('/config_dump shows all, one list, fields of a mask, and names that match; never a secret', async () => {
    const whole = await text('/config_dump')
    for (const part of ['BootstrapConfigDump', '"fixed"', '"alt_stat_name": "u"', '"version_info": "7"'])
      expect(whole).toContain(part)
    expect(whole).not.toContain('key material')
    expect(await data('/config_dump?resource=dynamic_active_clusters&mask=cluster.name')).toEqual({
      configs: [{ cluster: { '@type': TypeUrl.cluster, name: 'up' } }],
    })
    expect(await data('/config_dump?resource=static_clusters&name_regex=u.*')).toEqual({ configs: [] })
    expect(await data('/config_dump?mask=bootstrap.node.id')).toMatchObject({
      configs: expect.arrayContaining([expect.objectContaining({ bootstrap: { node: { id: 'n' } } })]),
    })
    expect((await ask('/config_dump?resource=nothing')).status).toBe(404)
    for (const query of ['name_regex=(', `name_regex=${'a'.repeat(2000)}`])
      expect((await ask(`/config_dump?${query}`)).status).toBe(400)
  })

  test('/certs shows names and days left', async () => {
    const page = await text('/certs')
    expect(page).toContain('"uri": "spiffe://cluster.local/ns/default/sa/reviews"')
    expect(page).toMatch(/"days_until_expiration": "\d+"/)
    expect(page).toContain('"ca_cert": [\n    {')
    expect(page).not.toContain('PRIVATE')
  })

  test('/stats by name, used ones, as JSON and for Prometheus; /reset_counters sets counters to zero', async () => {
    const total = telemetry.counter('envoy_cluster_upstream_cx_total', { envoy_cluster_name: 'up' })
    const active = telemetry.gauge('envoy_cluster_upstream_cx_active', { envoy_cluster_name: 'up' })
    telemetry.counter('envoy_cluster_upstream_cx_overflow', { envoy_cluster_name: 'up' })
    total.value = 3
    active.value = 2
    expect(await text('/stats?filter=cx_(total|overflow)')).toBe(
      'cluster.up.upstream_cx_overflow: 0\ncluster.up.upstream_cx_total: 3\n',
    )
    expect(await text('/stats?usedonly&filter=up')).toBe(
      'cluster.up.upstream_cx_active: 2\ncluster.up.upstream_cx_total: 3\n',
    )
    expect(await data('/stats?format=json&filter=cx_total')).toEqual({
      stats: [{ name: 'cluster.up.upstream_cx_total', value: 3 }],
    })
    expect(await text('/stats/prometheus?filter=cx_total')).toBe(
      '# TYPE envoy_cluster_upstream_cx_total counter\nenvoy_cluster_upstream_cx_total{envoy_cluster_name="up"} 3\n',
    )
    expect((await ask('/stats?filter=(')).status).toBe(400)
    expect((await ask('/stats?format=html')).status).toBe(400)
    expect((await ask('/reset_counters', { method: 'POST' })).status).toBe(200)
    expect([total.value, active.value]).toEqual([0, 2])
  })

  test('/healthcheck/fail makes /ready fail until /healthcheck/ok', async () => {
    await ask('/healthcheck/fail', { method: 'POST' })
    const failed = await ask('/ready')
    expect(failed.status).toBe(503)
    expect(await failed.text()).toStartWith('DRAINING\n')
    await ask('/healthcheck/ok', { method: 'POST' })
    expect((await ask('/ready')).status).toBe(200)
  })

  test('/logging changes what is logged', async () => {
    log.write('config', 'debug', 'unheard')
    expect(await (await ask('/logging?config=debug', { method: 'POST' })).text()).toContain('  config: debug\n')
    log.write('config', 'debug', 'heard')
    log.write('main', 'debug', 'unheard')
    await ask('/logging?paths=config:warning,main:off', { method: 'POST' })
    log.write('config', 'info', 'unheard')
    log.write('main', 'critical', 'unheard')
    expect(printed).toEqual(['heard'])
    for (const query of ['level=loud', 'nobody=info', 'paths=config'])
      expect((await ask(`/logging?${query}`, { method: 'POST' })).status).toBe(400)
  })

  test('/drain_listeners drains all or inbound ones; what it cannot do is refused', async () => {
    calls.length = 0
    await ask('/drain_listeners?graceful', { method: 'POST' })
    await ask('/drain_listeners?graceful&inboundonly', { method: 'POST' })
    expect((await ask('/drain_listeners?skip_exit', { method: 'POST' })).status).toBe(400)
    expect(calls).toEqual(['drain', 'drain inbound'])
  })

  test('/memory, /server_info, /listeners and /help', async () => {
    expect(Object.keys((await data('/memory')) as object)).toEqual(['allocated', 'heap_size', 'total_physical_bytes'])
    expect(await data('/server_info')).toMatchObject({
      state: 'LIVE',
      uptime_current_epoch: '12s',
      version: 'weft/test',
    })
    expect(await text('/listeners')).toBe('l::127.0.0.1:8080\n')
    expect(await data('/listeners?format=json')).toEqual({
      listener_statuses: [{ name: 'l', local_address: { socket_address: { address: '127.0.0.1', port_value: 8080 } } }],
    })
    expect(await text('/help')).toContain('  /quitquitquit (POST): ')
  })
})

test.each([
  [
    'envoy_http_downstream_rq_xx{envoy_http_conn_manager_prefix="in",envoy_response_code_class="2"}',
    'http.in.downstream_rq_2xx',
  ],
  ['envoy_overload_envoy_overload_actions_shrink_heap_active', 'overload.envoy.overload_actions.shrink_heap.active'],
  [
    'envoy_overload_envoy_resource_monitors_fixed_heap_pressure',
    'overload.envoy.resource_monitors.fixed_heap.pressure',
  ],
  ['envoy_control_plane_connected_state', 'control_plane.connected_state'],
  ['istio_requests_total{reporter="source"}', 'istio_requests_total{reporter="source"}'],
])('statName() of %s is %s', (series, name) => {
  expect(statName(series)).toBe(name)
})
