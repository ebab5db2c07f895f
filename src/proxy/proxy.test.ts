import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/harness/free-port.ts'
import { startTestControlPlane, type TestControlPlane } from '../../test/harness/test-control-plane.ts'
import { waitUntil } from '../../test/harness/wait-until.ts'
import {
  testCluster,
  testEndpoints,
  testHttpProxyListener,
  testInlineRoutes,
  testOnDemandRoutes,
  testVirtualHost,
} from '../../test/harness/xds-resources.ts'
import { createIdentityFiles } from './identity/index.ts'
import { createSigningRequest } from './identity/signing-request.ts'
import { runProxy } from './proxy.ts'
import type { RunningProxy } from './proxy-options.ts'

const spiffeId = 'spiffe://cluster.local/ns/default/sa/productpage'

function sds(name: string): string {
  const source =
    'api_config_source: { api_type: GRPC, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: sds-grpc } }] }'
  return `{ name: ${name}, sds_config: { resource_api_version: V3, ${source} } }`
}

function bootstrapFor(plane: TestControlPlane, protocol: 'DELTA_GRPC' | 'GRPC'): string {
  return `
node: { id: productpage-1, cluster: productpage.default, metadata: { NAME: productpage-1, NAMESPACE: default, LABELS: { app: productpage } } }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
dynamic_resources:
  ads_config: { api_type: ${protocol}, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: xds-grpc } }] }
  cds_config: { ads: {}, resource_api_version: V3 }
  lds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
    - name: xds-grpc
      type: STATIC
      connect_timeout: 1s
      load_assignment: { cluster_name: xds-grpc, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${plane.server.port} } } } }] }] }
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
            tls_certificate_sds_secret_configs: [${sds('default')}]
            combined_validation_context:
              default_validation_context: { match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: '${plane.spiffeId}' } }] }
              validation_context_sds_secret_config: ${sds('ROOTCA')}
`
}

interface Bench extends AsyncDisposable {
  readonly plane: TestControlPlane
  readonly stateDir: string
  readonly httpProxyPort: number
  readonly upstreamPort: number
  readonly log: string[]
  readonly start: (options?: {
    readonly protocol?: 'DELTA_GRPC' | 'GRPC'
    readonly token?: boolean
  }) => Promise<RunningProxy>
  readonly stop: () => Promise<void>
}

/** A control plane with REST, an application, and proxies started one after another over one state directory. */
async function setUp(rootAgeMs = 0): Promise<Bench> {
  const plane = await startTestControlPlane(rootAgeMs)
  const stateDir = await mkdtemp(join(tmpdir(), 'weft-proxy-'))
  const application = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => new Response(`${request.headers.get('host')} ${new URL(request.url).pathname}`),
  })
  const own = await plane.ca.issue(plane.spiffeId)
  const rest = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    tls: { cert: own.certificateChain, key: own.privateKey },
    fetch: async (request) => {
      const body: unknown = await request.json()
      const csr: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'csr') : undefined
      const issued = await plane.ca.authority.issue(String(csr), spiffeId)
      if (!issued.ok) return new Response(issued.error.message, { status: 400 })
      return Response.json({
        certificateChain: issued.value.certificateChain,
        trustBundle: plane.ca.authority.trustBundle,
      })
    },
  })
  const joinTokenFile = join(stateDir, 'join-token')
  const log: string[] = []
  let running: { readonly proxy: RunningProxy; readonly ended: AbortController } | undefined

  const stop = async (): Promise<void> => {
    running?.ended.abort()
    await running?.proxy.done
    running = undefined
  }
  return {
    plane,
    stateDir,
    httpProxyPort: await freePort(),
    upstreamPort: application.port ?? 0,
    log,
    start: async ({ protocol = 'DELTA_GRPC', token = true } = {}) => {
      if (token) await writeFile(joinTokenFile, 'token')
      const ended = new AbortController()
      const proxy = await runProxy({
        bootstrapText: bootstrapFor(plane, protocol),
        stateDir,
        identity: {
          spiffeId,
          caUrl: `https://127.0.0.1:${rest.port}`,
          caFile: plane.ca.authority.bundleFile,
          joinTokenFile,
        },
        drainMs: 1000,
        signal: ended.signal,
        log: (text) => log.push(text),
      })
      running = { proxy, ended }
      return proxy
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      await application.stop(true)
      await rest.stop(true)
      await plane[Symbol.asyncDispose]()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

function mesh(bench: Bench) {
  return [
    testCluster('reviews'),
    testEndpoints('reviews', [bench.upstreamPort]),
    testHttpProxyListener(bench.httpProxyPort),
    testOnDemandRoutes(),
    testVirtualHost('reviews:9080', 'reviews'),
  ]
}

function get(port: number, host: string, path = '/x'): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path, headers: { host }, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    request.on('error', reject)
    request.end()
  })
}

async function admin(proxy: RunningProxy, path: string, method = 'GET'): Promise<Response> {
  return await fetch(`http://127.0.0.1:${proxy.adminPort}${path}`, { method })
}

describe('runProxy()', () => {
  test('enrols, becomes ready and serves a host on demand', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    expect((await admin(proxy, '/ready')).status).toBe(200)
    expect(bench.plane.interests).toEqual([])
    expect(await get(bench.httpProxyPort, 'reviews:9080')).toEqual({ status: 200, body: 'reviews:9080 /x' })
    expect(bench.plane.interests).toEqual(['reviews:9080'])
    expect((await get(bench.httpProxyPort, 'unknown:80')).status).toBe(404)
    await waitUntil('all acknowledged', () => bench.plane.state()?.acknowledgedRevision === 1)
    expect(await Bun.file(join(bench.stateDir, 'join-token')).exists()).toBe(false)
  })

  test('a host that appears later is served though it was absent before', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    expect((await get(bench.httpProxyPort, 'late:80')).status).toBe(404)
    bench.plane.set([...mesh(bench), testVirtualHost('late:80', 'reviews')])
    await waitUntil('served', async () => (await get(bench.httpProxyPort, 'late:80')).status === 200)
  })

  test('requests for one new host wait together and are all served', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(bench.httpProxyPort, 'reviews:9080')))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
    expect(bench.plane.interests).toEqual(['reviews:9080'])
  })

  test('a refused update is reported with the field, and the last good one serves', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    await get(bench.httpProxyPort, 'reviews:9080')
    const bad = testVirtualHost('reviews:9080', 'reviews', { rate_limits: [{ stage: 1 }] })
    bench.plane.set([...mesh(bench).slice(0, 4), bad, testCluster('good')])
    await waitUntil('rejected', () => bench.plane.state()?.rejections.length === 1)
    expect(bench.plane.state()?.rejections[0]).toMatchObject({ resources: ['http_proxy/reviews:9080'] })
    expect(bench.plane.state()?.rejections[0]?.message).toContain('rate_limits')
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
  })

  test('a restarted proxy serves from disk while the control plane is down, and follows it when it is back', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const first = await bench.start()
    await waitUntil('ready', () => first.isReady())
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
    await bench.stop()
    expect((await stat(join(bench.stateDir, 'last-good.bin'))).mode & 0o777).toBe(0o600)
    await bench.plane.stop()
    const second = await bench.start({ token: false })
    await waitUntil('ready', () => second.isReady())
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
    bench.plane.set([...mesh(bench), testVirtualHost('details:9080', 'reviews')])
    await bench.plane.restart()
    expect((await get(bench.httpProxyPort, 'details:9080')).status).toBe(200)
  })

  test('a certificate past half of its life is renewed over ADS, and the stream comes back with the new one', async () => {
    await using bench = await setUp(20 * 3_600_000)
    bench.plane.set(mesh(bench))
    const { privateKey, csr } = await createSigningRequest(spiffeId)
    const old = await bench.plane.ca.aged.issue(csr, spiffeId)
    if (!old.ok) throw old.error
    const { certificateChain } = old.value
    const files = createIdentityFiles(join(bench.stateDir, 'identity'))
    await files.save({ privateKey, certificateChain, trustBundle: bench.plane.ca.authority.trustBundle })
    const proxy = await bench.start({ token: false })
    const used = () => bench.log.filter((line) => line.startsWith('Certificate '))
    await waitUntil('renewed', () => used().length === 2)
    await waitUntil('ready', () => proxy.isReady())
    const serial = used()[1]?.split(/[ ,]/)[1] ?? ''
    await waitUntil('stream with the new certificate', () => {
      return bench.plane.server.clients().some(({ identity }) => identity.serialNumber === serial)
    })
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
    expect(used()[0]).not.toContain(serial)
  })

  test('a lost control plane changes nothing for traffic', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
    await bench.plane.stop()
    await waitUntil('loss noticed', () => bench.log.some((line) => line.startsWith('No control plane')))
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
  })

  test('the admin interface shows configuration, clusters, metrics and the certificate, and no key', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    await get(bench.httpProxyPort, 'reviews:9080')
    const pages = ['/config_dump', '/clusters', '/listeners', '/certs', '/server_info', '/stats/prometheus']
    const texts = await Promise.all(pages.map(async (path) => (await admin(proxy, path)).text()))
    expect(texts[0]).toContain('http_proxy/reviews:9080')
    expect(texts[1]).toContain(`reviews::127.0.0.1:${bench.upstreamPort}::rq_total::1`)
    expect(texts[2]).toContain(`http_proxy::127.0.0.1:${bench.httpProxyPort}`)
    expect(texts[3]).toContain(spiffeId)
    expect(texts[4]).toContain('LIVE')
    expect(texts[5]).toContain('envoy_control_plane_connected_state 1')
    expect(texts.join('\n')).not.toContain('PRIVATE KEY')
    expect((await admin(proxy, '/quitquitquit')).status).toBe(405)
    const rebound = await fetch(`http://127.0.0.1:${proxy.adminPort}/config_dump`, {
      headers: { host: 'evil.example' },
    })
    expect(rebound.status).toBe(403)
  })

  test('POST /quitquitquit drains and ends the proxy', async () => {
    await using bench = await setUp()
    bench.plane.set(mesh(bench))
    const proxy = await bench.start()
    await waitUntil('ready', () => proxy.isReady())
    expect((await admin(proxy, '/quitquitquit', 'POST')).status).toBe(200)
    await proxy.done
    const failure = await get(bench.httpProxyPort, 'reviews:9080').catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a state-of-the-world client gets its hosts inline', async () => {
    await using bench = await setUp()
    bench.plane.set([...mesh(bench).slice(0, 3), testInlineRoutes('reviews:9080', 'reviews')])
    const proxy = await bench.start({ protocol: 'GRPC' })
    await waitUntil('ready', () => proxy.isReady())
    expect((await get(bench.httpProxyPort, 'reviews:9080')).status).toBe(200)
  })

  test('a faulty bootstrap is refused with every fault and its line', async () => {
    const run = runProxy({
      bootstrapText: 'node: { id: a }\nflags_path: /x\nhds_config: {}\n',
      drainMs: 0,
      signal: new AbortController().signal,
    })
    const failure = await run.catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'WEFT_PROXY_BOOTSTRAP' })
    expect(String(failure)).toMatch(/hds_config.*line 3[^]*flags_path.*line 2/)
  })
})
