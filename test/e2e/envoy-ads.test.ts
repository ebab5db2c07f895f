/** Real Envoy as the client of our ADS server: delta and state of the world over mutual TLS, virtual hosts on demand. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestControlPlane, type TestControlPlane } from '../harness/test-control-plane.ts'
import { freePort } from '../harness/free-port.ts'
import { waitUntil } from '../harness/wait-until.ts'
import {
  testCluster,
  testEndpoints,
  testHttpProxyListener,
  testInlineRoutes,
  testOnDemandRoutes,
  testVirtualHost,
} from '../harness/xds-resources.ts'

const envoyPath = Bun.which('envoy')
const startTimeoutMs = 20_000

interface EnvoyBench extends AsyncDisposable {
  readonly plane: TestControlPlane
  readonly httpProxyPort: number
  readonly upstreamPort: number
  readonly adminPort: number
}

function bootstrapOf(
  directory: string,
  xdsPort: number,
  adminPort: number,
  options: { readonly apiType: string; readonly planeId: string },
): string {
  const file = (name: string) => `{ filename: ${join(directory, name)} }`
  return `
node: { id: envoy-1, cluster: envoy.default }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: ${adminPort} } } }
dynamic_resources:
  ads_config: { api_type: ${options.apiType}, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: xds-grpc } }] }
  cds_config: { ads: {}, resource_api_version: V3 }
  lds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
    - name: xds-grpc
      type: STATIC
      connect_timeout: 1s
      load_assignment: { cluster_name: xds-grpc, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${xdsPort} } } } }] }] }
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          common_tls_context:
            tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }
            alpn_protocols: [h2]
            tls_certificates: [{ certificate_chain: ${file('certificate.pem')}, private_key: ${file('key.pem')} }]
            validation_context:
              trusted_ca: ${file('bundle.pem')}
              match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: '${options.planeId}' } }]
`
}

async function startEnvoy(apiType: 'DELTA_GRPC' | 'GRPC'): Promise<EnvoyBench> {
  const plane = await startTestControlPlane()
  const directory = await mkdtemp(join(tmpdir(), 'weft-envoy-'))
  const own = await plane.ca.issue('spiffe://cluster.local/ns/default/sa/envoy')
  await writeFile(join(directory, 'certificate.pem'), own.certificateChain)
  await writeFile(join(directory, 'key.pem'), own.privateKey, { mode: 0o600 })
  await writeFile(join(directory, 'bundle.pem'), plane.ca.authority.trustBundle)
  const application = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => new Response(`application ${request.headers.get('host')}`),
  })
  const [httpProxyPort, adminPort] = [await freePort(), await freePort()]
  const config = join(directory, 'bootstrap.yaml')
  await writeFile(config, bootstrapOf(directory, plane.server.port, adminPort, { apiType, planeId: plane.spiffeId }))
  const envoy = Bun.spawn(
    [envoyPath ?? 'envoy', '-c', config, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warning'],
    {
      stdout: 'ignore',
      stderr: Bun.file(join(directory, 'envoy.log')),
    },
  )
  return {
    plane,
    httpProxyPort,
    adminPort,
    upstreamPort: application.port ?? 0,
    [Symbol.asyncDispose]: async () => {
      envoy.kill('SIGKILL')
      await envoy.exited
      await application.stop(true)
      await plane[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function get(port: number, host: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port, host: '127.0.0.1', headers: { host }, agent: false, timeout: 10_000 },
      (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      },
    )
    request.on('timeout', () => request.destroy(new Error(`No answer for ${host} within 10 s`)))
    request.on('error', reject)
    request.end()
  })
}

function isLive({ adminPort }: EnvoyBench): Promise<boolean> {
  return fetch(`http://127.0.0.1:${adminPort}/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}

/** CDS responses that Envoy has taken in since it started. */
async function clusterUpdates({ adminPort }: EnvoyBench): Promise<string | undefined> {
  const stats = await fetch(`http://127.0.0.1:${adminPort}/stats?filter=cluster_manager.cds.update_success`)
  return /update_success: (\d+)/.exec(await stats.text())?.[1]
}

describe.skipIf(envoyPath === null)('Envoy over delta ADS', () => {
  let bench: EnvoyBench
  const base = () => [
    testCluster('reviews'),
    testEndpoints('reviews', [bench.upstreamPort]),
    testHttpProxyListener(bench.httpProxyPort),
    testOnDemandRoutes(),
  ]

  beforeAll(async () => {
    bench = await startEnvoy('DELTA_GRPC')
    bench.plane.set([...base(), testVirtualHost('reviews:9080', 'reviews')])
    await waitUntil('Envoy is live', () => isLive(bench), startTimeoutMs)
  }, startTimeoutMs + 5000)
  afterAll(() => bench[Symbol.asyncDispose]())

  test('parks a request for a new host, asks for it and serves it', async () => {
    expect(bench.plane.interests).toEqual([])
    expect(await get(bench.httpProxyPort, 'reviews:9080')).toEqual({ status: 200, body: 'application reviews:9080' })
    expect(bench.plane.interests).toEqual(['reviews:9080'])
    await waitUntil('all acknowledged', () => bench.plane.state()?.acknowledgedRevision === 1)
  })

  test('answers 404 for a host that there is not', async () => {
    expect((await get(bench.httpProxyPort, 'unknown:80')).status).toBe(404)
  }, 12_000)

  test('follows a change of a host and reports a refused one, whose last good version serves', async () => {
    const direct = { routes: [{ match: { prefix: '/' }, direct_response: { status: 418 } }] }
    const revision = bench.plane.set([...base(), testVirtualHost('reviews:9080', 'reviews', direct)])
    await waitUntil('change acknowledged', () => bench.plane.state()?.acknowledgedRevision === revision)
    await waitUntil('change obeyed', async () => (await get(bench.httpProxyPort, 'reviews:9080')).status === 418)
    const bad = { connect_timeout: '-1s' }
    bench.plane.set([testCluster('reviews', bad), ...base().slice(1), testVirtualHost('reviews:9080', 'reviews')])
    await waitUntil('refused', () => bench.plane.state()?.rejections.length === 1)
    expect(bench.plane.state()?.rejections[0]?.resources).toEqual(['reviews'])
    await waitUntil('old cluster serves', async () => (await get(bench.httpProxyPort, 'reviews:9080')).status === 200)
  })

  test('serves on while the control plane is away and is sent only differences afterwards', async () => {
    const revision = bench.plane.set([...base(), testVirtualHost('reviews:9080', 'reviews')])
    await waitUntil('acknowledged', () => bench.plane.state()?.acknowledgedRevision === revision)
    const updates = await clusterUpdates(bench)
    await bench.plane.stop()
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
    await bench.plane.restart()
    await waitUntil('back', () => bench.plane.connected() === 1, 15_000)
    await waitUntil('acknowledged again', () => bench.plane.state()?.acknowledgedRevision === revision)
    expect(updates).toBeDefined()
    expect(await clusterUpdates(bench)).toBe(updates ?? '')
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
  }, 20_000)
})

describe.skipIf(envoyPath === null)('Envoy over state-of-the-world ADS', () => {
  test(
    'gets its hosts inline and follows changes',
    async () => {
      await using bench = await startEnvoy('GRPC')
      const base = [
        testCluster('reviews'),
        testEndpoints('reviews', [bench.upstreamPort]),
        testHttpProxyListener(bench.httpProxyPort),
      ]
      bench.plane.set([...base, testInlineRoutes('reviews:9080', 'reviews')])
      await waitUntil('Envoy is live', () => isLive(bench), startTimeoutMs)
      expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
      const revision = bench.plane.set([...base, testInlineRoutes('details:9080', 'reviews')])
      await waitUntil('acknowledged', () => bench.plane.state()?.acknowledgedRevision === revision)
      await waitUntil('change obeyed', async () => (await get(bench.httpProxyPort, 'details:9080')).status === 200)
      expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(404)
    },
    startTimeoutMs + 10_000,
  )
})
