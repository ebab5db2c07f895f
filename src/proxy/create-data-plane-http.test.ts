import { afterEach, expect, test } from 'bun:test'
import { createTestAuthority } from '../net/certificates.fixture.ts'
import { until } from '../net/sockets.fixture.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import type { ClientTlsConfig, ServerTlsConfig } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import { testChain, testCluster, testEndpoint, testHttpManager, testListener } from './data-plane-configs.fixture.ts'
import type { ForwardDecision, RouteTable } from './route/index.ts'

const REVIEWS = 'spiffe://cluster.local/ns/prod/sa/reviews'
const PAGE = 'spiffe://cluster.local/ns/default/sa/productpage'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Sends every request to one cluster. */
function routeTable(cluster: string): RouteTable {
  const decision: ForwardDecision = {
    kind: 'forward',
    route: { name: 'all', virtualHost: 'v', origin: undefined },
    cluster,
    pathRewrite: undefined,
    hostRewrite: undefined,
    requestEdits: undefined,
    responseEdits: undefined,
    timeoutMs: 0,
    idleTimeoutMs: undefined,
    retry: undefined,
    fault: undefined,
  }
  return { name: 'r', onDemand: false, decide: () => decision }
}

function plane(workload: string): { readonly plane: DataPlane; readonly telemetry: Telemetry } {
  const telemetry = createTelemetry()
  const made = createDataPlane({
    node: { id: workload, name: workload, namespace: 'default', workload, clusterId: 'weft', labels: {} },
    telemetry,
  })
  cleanups.push(async () => made[Symbol.asyncDispose]())
  return { plane: made, telemetry }
}

async function listen(target: DataPlane, config: Parameters<DataPlane['putListener']>[0]): Promise<number> {
  const bound = await target.putListener(config)
  if (!bound.ok) throw new Error(bound.error.message)
  return bound.value.port
}

const shared = {
  certificate: { kind: 'named', name: 'default' },
  validation: { kind: 'named', name: 'ROOTCA' },
  alpn: ['istio-http/1.1'],
  minVersion: 'TLSv1.3',
} as const
const serverTls: ServerTlsConfig = {
  ...shared,
  subjectAltNames: [{ type: 'uri', match: { kind: 'prefix', value: 'spiffe://cluster.local/' } }],
  requireClientCertificate: true,
}
const clientTls: ClientTlsConfig = {
  ...shared,
  subjectAltNames: [{ type: 'uri', match: { kind: 'exact', value: REVIEWS } }],
  sni: undefined,
}

/** Application, inbound proxy with mTLS, outbound proxy; the port is the outbound one. */
async function mesh(): Promise<{
  readonly port: number
  readonly client: ReturnType<typeof plane>
  readonly server: ReturnType<typeof plane>
}> {
  const application = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) =>
      new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`),
  })
  cleanups.push(() => application.stop(true))
  const authority = await createTestAuthority()
  const [client, server] = [plane('page'), plane('reviews')]
  for (const [target, uri] of [
    [client, PAGE],
    [server, REVIEWS],
  ] as const) {
    target.plane.putSecret({
      kind: 'certificate',
      name: 'default',
      certificate: await authority.issue({ uris: [uri] }),
    })
    const validation = { trustedCa: authority.bundle, subjectAltNames: [] }
    target.plane.putSecret({ kind: 'validation', name: 'ROOTCA', validation })
  }
  server.plane.putRouteTable(routeTable('inbound'))
  server.plane.putCluster(testCluster('inbound', { endpoints: [testEndpoint(application.port ?? 0)] }))
  const inbound = testListener('in', [testChain(testHttpManager(), { tls: serverTls })], { direction: 'inbound' })
  const inboundPort = await listen(server.plane, inbound)
  client.plane.putRouteTable(routeTable('outbound'))
  client.plane.putCluster(testCluster('outbound', { endpoints: [testEndpoint(inboundPort)], tls: clientTls }))
  return { port: await listen(client.plane, testListener('out', [testChain(testHttpManager())])), client, server }
}

test('HTTP goes through two data planes with mutual TLS, over pooled connections', async () => {
  const { port, client, server } = await mesh()
  for (let turn = 0; turn < 20; turn += 1) {
    const body = 'b'.repeat(turn * 100)
    const response = await fetch(`http://127.0.0.1:${port}/reviews/${turn}`, { method: 'POST', body })
    expect([response.status, await response.text()]).toEqual([200, `POST /reviews/${turn} ${body}`])
  }
  expect(client.plane.describe().clusters[0]?.endpoints[0]).toMatchObject({ connections: 1, activeRequests: 0 })
  expect(server.plane.describe().clusters[0]?.endpoints[0]?.connections).toBe(1)
  expect(client.telemetry.expose()).toMatch(/istio_requests_total\{[^}]*reporter="source"[^}]*\} 20/)
  expect(server.telemetry.expose()).toMatch(
    new RegExp(`istio_requests_total\\{[^}]*source_principal="${PAGE}"[^}]*\\} 20`),
  )
})

test('clusters and connection managers are counted with the names and labels of Envoy', async () => {
  const { port, client } = await mesh()
  for (let turn = 0; turn < 3; turn += 1) await (await fetch(`http://127.0.0.1:${port}/`)).text()
  client.plane.removeCluster('outbound')
  await (await fetch(`http://127.0.0.1:${port}/`)).text()
  const text = client.telemetry.expose()
  const cluster = 'envoy_cluster_name="outbound"'
  const manager = 'envoy_http_conn_manager_prefix="test"'
  for (const line of [
    `envoy_cluster_upstream_rq_total{${cluster}} 3`,
    `envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",${cluster}} 3`,
    `envoy_cluster_upstream_rq_pending_total{${cluster}} 1`,
    `envoy_cluster_upstream_rq_pending_active{${cluster}} 0`,
    `envoy_cluster_upstream_rq_active{${cluster}} 0`,
    `envoy_cluster_upstream_cx_total{${cluster}} 1`,
    `envoy_http_downstream_rq_total{${manager}} 4`,
    `envoy_http_downstream_rq_xx{envoy_response_code_class="2",${manager}} 3`,
    `envoy_http_downstream_rq_xx{envoy_response_code_class="5",${manager}} 1`,
    `envoy_http_downstream_rq_active{${manager}} 0`,
    '# TYPE envoy_http_downstream_cx_active gauge',
    '# TYPE envoy_cluster_upstream_rq_xx counter',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test('drain() answers what runs with Connection: close and then refuses connections', async () => {
  const { port, client } = await mesh()
  const first = await fetch(`http://127.0.0.1:${port}/`)
  expect(first.status).toBe(200)
  await first.text()
  await client.plane.drain(5000)
  expect(client.plane.describe().activeRequests).toBe(0)
  expect(await outcomeOf(fetch(`http://127.0.0.1:${port}/`))).toBe('refused')
})

test('a mesh under load keeps every answer with its request while clusters, endpoints and secrets change', async () => {
  const { port, client } = await mesh()
  const [endpoint] = client.plane.describe().clusters[0]?.endpoints ?? []
  let wrong = 0
  const progress = { done: 0 }
  const worker = async (id: number): Promise<void> => {
    for (let turn = 0; turn < 40; turn += 1) {
      const response = await fetch(`http://127.0.0.1:${port}/${id}/${turn}`)
      if (response.status !== 200 || (await response.text()) !== `GET /${id}/${turn} `) wrong += 1
      progress.done += 1
    }
  }
  const change = async (): Promise<void> => {
    const endpoints = [testEndpoint(endpoint?.port ?? 0)]
    for (let turn = 0; progress.done < 300; turn += 1) {
      const idleTimeoutMs = 1000 + turn
      client.plane.putCluster(
        testCluster('outbound', { endpoints, tls: { ...clientTls, sni: `s${turn}` }, idleTimeoutMs }),
      )
      client.plane.putRouteTable(routeTable('outbound'))
      await listen(client.plane, testListener('out', [testChain(testHttpManager({ idleTimeoutMs }))]))
      const seen = progress.done
      await until(() => progress.done > seen || progress.done >= 300, 'another answer')
    }
  }
  await Promise.all([...Array.from({ length: 8 }, (_, id) => worker(id)), change()])
  expect({ wrong, done: progress.done }).toEqual({ wrong: 0, done: 320 })
})

function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'connected',
    () => 'refused',
  )
}
