import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import {
  testCluster,
  testEndpoints,
  testHttpProxyListener,
  testOnDemandRoutes,
  testResource,
  testVirtualHost,
} from '../../../test/harness/xds-resources.ts'
import { err, ok } from '../../base/index.ts'
import { SecretSchema } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { TypeUrl, type XdsResource } from '../../xds/index.ts'
import { createTestAuthority } from '../../../test/harness/mesh-certificates.ts'
import type { DataPlane } from '../data-plane.ts'
import { LiveConfig, type LiveConfigOptions } from './live-config.ts'

/** A data plane that only notes what it is told. */
function recordingDataPlane() {
  const calls: string[] = []
  const control: { bindFails: boolean; warming: readonly string[] } = { bindFails: false, warming: [] }
  const dataPlane: DataPlane = {
    putListener: async ({ name }) => {
      calls.push(`listener ${name}`)
      return control.bindFails ? err({ path: 'address', message: 'in use' }) : ok({ port: 1 })
    },
    removeListener: (name) => calls.push(`-listener ${name}`),
    putCluster: ({ name }) => calls.push(`cluster ${name}`),
    removeCluster: (name) => calls.push(`-cluster ${name}`),
    warmingClusters: () => control.warming,
    putEndpoints: ({ clusterName, endpoints }) => calls.push(`endpoints ${clusterName} ${endpoints.length}`),
    putRouteTable: ({ name }) => calls.push(`routes ${name}`),
    putSecret: ({ name }) => calls.push(`secret ${name}`),
    secretsComplete: () => true,
    drain: async () => {},
    listeningSocket: () => undefined,
    yieldPort: () => {},
    reclaimPorts: () => {},
    certificates: () => [],
    drainInbound: () => calls.push('drain inbound'),
    failHealthCheck: (failed) => calls.push(`health check failed ${failed}`),
    describe: () => ({ listeners: [], clusters: [], routeTables: [], activeRequests: 0, state: 'serving' }),
    [Symbol.asyncDispose]: async () => {},
  }
  return { calls, control, dataPlane }
}

function setUp(options: Partial<LiveConfigOptions> & { readonly onDemand?: boolean } = {}) {
  const { calls, control, dataPlane } = recordingDataPlane()
  const asked: string[] = []
  const log: string[] = []
  const short = (typeUrl: string): string => typeUrl.split('.').at(-1) ?? ''
  const live = new LiveConfig({
    dataPlane: () => dataPlane,
    subscriptions: {
      onDemand: options.onDemand ?? true,
      subscribe: (typeUrl, names) => asked.push(...names.map((name) => `${short(typeUrl)} ${name}`)),
      unsubscribe: (typeUrl, names) => asked.push(...names.map((name) => `-${short(typeUrl)} ${name}`)),
      restore: (typeUrl, versions) => asked.push(`restore ${short(typeUrl)} ${[...versions.keys()].join()}`),
    },
    dynamicListeners: true,
    flush: () => {},
    onChange: () => {},
    readTlsFile: () => 'PEM',
    log: (text) => log.push(text),
    drainMs: 1000,
    ...options,
  })
  const apply = (...resources: readonly XdsResource[]) => {
    return resources.flatMap((resource) =>
      live.apply({ typeUrl: resource.typeUrl, resources: [resource], removed: [] }),
    )
  }
  const remove = (typeUrl: string, name: string) => live.apply({ typeUrl, resources: [], removed: [name] })
  const ask = (domain: string, route = 'http_proxy') => {
    return new Promise<string>((resolve) => live.onDemand.request(route, domain, resolve))
  }
  return { live, calls, control, asked, log, apply, remove, ask, [Symbol.dispose]: () => live.close() }
}

describe('clusters', () => {
  test('a new EDS cluster is put to work after its endpoints', () => {
    using bench = setUp()
    bench.apply(testCluster('c'))
    expect(bench.calls).toEqual([])
    expect(bench.asked).toEqual(['ClusterLoadAssignment c'])
    bench.apply(testEndpoints('c', [80, 81]))
    expect(bench.calls).toEqual(['endpoints c 2', 'cluster c'])
  })

  test('the files of a TLS context are read, and those of others refused', async () => {
    await using ca = await createTestAuthority()
    const read: string[] = []
    const readTlsFile = (path: string): string => {
      read.push(path)
      if (path === '/missing.pem') throw new Error('no such file')
      return path === '/ca.pem' ? ca.authority.trustBundle : 'PEM'
    }
    using bench = setUp({ readTlsFile })
    const tls = (filename: string) =>
      testCluster('c', {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
            common_tls_context: { validation_context: { trusted_ca: { filename } } },
          },
        },
      })
    expect(bench.apply(tls('/ca.pem'))).toEqual([])
    expect(bench.apply(tls('/missing.pem'))).toMatchObject([
      { message: expect.stringContaining('trusted_ca.filename: Cannot read /missing.pem: no such file') },
    ])
    expect(bench.apply(tls('/half-written.pem'))).toMatchObject([{ message: expect.stringContaining('Invalid CA') }])
    const body = { filename: '/etc/passwd' }
    const served = testVirtualHost('a:80', 'c', {
      routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body } }],
    })
    expect(bench.apply(served)).toHaveLength(1)
    expect(read).toEqual(['/ca.pem', '/missing.pem', '/half-written.pem'])
  })

  test('a cluster whose endpoints do not exist, or do not come in time, goes to work without', async () => {
    using bench = setUp({ warmingTimeoutMs: 10 })
    bench.apply(testCluster('absent'), testCluster('late'))
    bench.remove(TypeUrl.endpoints, 'absent')
    expect(bench.calls).toEqual(['cluster absent'])
    await waitUntil('late cluster put', () => bench.calls.includes('cluster late'))
  })

  test('a changed cluster with known endpoints is replaced at once; a removed one takes its subscription along', () => {
    using bench = setUp()
    bench.apply(testCluster('c'), testEndpoints('c', [80]), testCluster('c', { connect_timeout: '2s' }))
    expect(bench.calls).toEqual(['endpoints c 1', 'cluster c', 'cluster c'])
    bench.remove(TypeUrl.cluster, 'c')
    expect(bench.calls.at(-1)).toBe('-cluster c')
    expect(bench.asked).toEqual(['ClusterLoadAssignment c', '-ClusterLoadAssignment c'])
    expect(bench.live.held.all()).toEqual([])
  })

  test('endpoints that the server takes away are kept while the cluster is there', () => {
    using bench = setUp()
    bench.apply(testCluster('c'), testEndpoints('c', [80]))
    const before = bench.calls.length
    bench.remove(TypeUrl.endpoints, 'c')
    expect(bench.calls).toHaveLength(before)
  })
})

describe('listeners', () => {
  const secret = (name: string): JsonObject => {
    const grpc = {
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
    }
    return { name, sds_config: { resource_api_version: 'V3', api_config_source: grpc } }
  }
  const tlsListener = (): XdsResource => {
    const chain: JsonObject = {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
          common_tls_context: { tls_certificate_sds_secret_configs: [secret('default')] },
        },
      },
      filters: [
        {
          name: 'envoy.filters.network.tcp_proxy',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
            stat_prefix: 't',
            cluster: 'c',
          },
        },
      ],
    }
    return testHttpProxyListener(8080, { filter_chains: [chain] })
  }

  test('a listener opens when its route configuration is there, and the proxy is ready then', async () => {
    using bench = setUp()
    expect(bench.live.waiting()).toEqual(['listeners from the control plane'])
    bench.apply(testHttpProxyListener(8080))
    expect(bench.calls).toEqual([])
    expect(bench.asked).toEqual(['RouteConfiguration http_proxy'])
    expect(bench.live.waiting()).toEqual(['http_proxy (warming: route configuration http_proxy)'])
    bench.apply(testOnDemandRoutes())
    expect(bench.calls).toEqual(['routes http_proxy', 'listener http_proxy'])
    await waitUntil('ready', () => bench.live.isReady())
  })

  test('a listener waits for a secret, which is asked for unless the proxy has it itself', () => {
    using bench = setUp()
    expect(bench.apply(tlsListener())).toEqual([])
    expect(bench.asked).toEqual(['Secret default'])
    bench.live.putLocalSecret({
      kind: 'certificate',
      name: 'default',
      certificate: { certificateChain: '', privateKey: '' },
    })
    expect(bench.calls).toEqual(['secret default', 'listener http_proxy'])
    expect(bench.asked.at(-1)).toBe('-Secret default')
  })

  test('listeners of the start wait for the first health checks of its clusters, later ones do not', () => {
    using bench = setUp()
    bench.control.warming = ['c']
    bench.apply(testOnDemandRoutes())
    bench.apply(testHttpProxyListener(8080))
    expect(bench.live.waiting()).toEqual(['http_proxy (warming: first health checks of cluster c)'])
    bench.control.warming = []
    bench.live.onClusterWarm()
    expect(bench.calls).toEqual(['routes http_proxy', 'listener http_proxy'])
    bench.control.warming = ['later']
    bench.apply(testHttpProxyListener(8081))
    expect(bench.calls.filter((call) => call === 'listener http_proxy')).toHaveLength(2)
  })

  test('a listener that waits too long opens without', async () => {
    using bench = setUp({ warmingTimeoutMs: 10 })
    bench.apply(testHttpProxyListener(8080))
    await waitUntil('listener opened', () => bench.calls.includes('listener http_proxy'))
  })

  test('a listener whose address is taken is tried again, and the proxy is not ready meanwhile', async () => {
    using bench = setUp()
    bench.control.bindFails = true
    bench.apply(testHttpProxyListener(8080), testOnDemandRoutes())
    await waitUntil('failure logged', () => bench.log.length > 0)
    expect(bench.log[0]).toContain('address: in use')
    expect(bench.live.isReady()).toBe(false)
    bench.control.bindFails = false
    await waitUntil('ready', () => bench.live.isReady())
  })

  test('a removed listener is drained and its routes are given up', () => {
    using bench = setUp()
    bench.apply(testHttpProxyListener(8080), testOnDemandRoutes())
    bench.remove(TypeUrl.listener, 'http_proxy')
    expect(bench.calls.at(-1)).toBe('-listener http_proxy')
    expect(bench.asked.at(-1)).toBe('-RouteConfiguration http_proxy')
  })
})

describe('refused resources', () => {
  test('are reported with the field, and the last good version stays', () => {
    using bench = setUp()
    const good = testCluster('c')
    bench.apply(good, testEndpoints('c', [80]))
    const [fault] = bench.apply(testCluster('c', { health_checks: [{ timeout: '1s' }] }))
    expect(fault?.name).toBe('c')
    expect(fault?.message).toContain('health_checks')
    expect(bench.live.held.get(TypeUrl.cluster, 'c')?.version).toBe(good.version)
  })

  test('do not take the good ones of the same response along', () => {
    using bench = setUp()
    const bad = { ...testCluster('bad'), bytes: new Uint8Array([0xff]) }
    const update = { typeUrl: TypeUrl.cluster, resources: [bad, testCluster('good')], removed: [] }
    expect(bench.live.apply(update).map(({ name }) => name)).toEqual(['bad'])
    expect(bench.asked).toEqual(['ClusterLoadAssignment good'])
  })

  test('include those that are called otherwise than they are named', () => {
    using bench = setUp()
    const [fault] = bench.apply({ ...testCluster('a'), name: 'b' })
    expect(fault?.message).toContain('expected b')
  })

  test("include secrets that would replace the proxy's own", () => {
    using bench = setUp()
    bench.live.putLocalSecret({
      kind: 'validation',
      name: 'ROOTCA',
      validation: { trustedCa: '', subjectAltNames: [] },
    })
    const validation = { trusted_ca: { inline_string: 'PEM' } }
    const own = testResource(TypeUrl.secret, SecretSchema, 'ROOTCA', { name: 'ROOTCA', validation_context: validation })
    const other = testResource(TypeUrl.secret, SecretSchema, 'other', { name: 'other', validation_context: validation })
    const faults = bench.live.apply({ typeUrl: TypeUrl.secret, resources: [own, other], removed: [] })
    expect(faults).toEqual([{ name: 'ROOTCA', message: 'name: ROOTCA is a secret of the proxy itself' }])
  })
})

describe('hosts on demand', () => {
  function withRoutes(options: Parameters<typeof setUp>[0] = {}) {
    const bench = setUp(options)
    bench.apply(testHttpProxyListener(8080), testOnDemandRoutes())
    bench.asked.length = 0
    return bench
  }

  test('are asked for once by many requests, all of which go on when it comes', async () => {
    using bench = withRoutes()
    const outcomes = Promise.all([bench.ask('a:80'), bench.ask('a:80'), bench.ask('a:80')])
    expect(bench.asked).toEqual(['VirtualHost http_proxy/a:80'])
    bench.apply(testVirtualHost('a:80', 'c'))
    expect(await outcomes).toEqual(['found', 'found', 'found'])
    expect(await bench.ask('a:80')).toBe('found')
    expect(bench.asked).toHaveLength(1)
  })

  test('may have direct responses as large as their route configuration allows', () => {
    using bench = setUp()
    const limit = (bytes: number) => testOnDemandRoutes({ max_direct_response_body_size_bytes: bytes })
    const answers = (bytes: number) => {
      const body = { inline_string: 'x'.repeat(bytes) }
      return testVirtualHost('a:80', 'c', {
        routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body } }],
      })
    }
    expect(bench.apply(testHttpProxyListener(8080), limit(10_000), answers(10_000))).toEqual([])
    expect(bench.apply(answers(10_001))).toMatchObject([
      { message: expect.stringContaining('routes[0].direct_response.body: expected at most 10000 bytes') },
    ])
    expect(bench.apply(limit(9_999))).toMatchObject([
      { message: expect.stringContaining('max_direct_response_body_size_bytes: virtual host http_proxy/a:80') },
    ])
  })

  test('that there are not are remembered until they come', async () => {
    using bench = withRoutes()
    const outcome = bench.ask('a:80')
    bench.remove(TypeUrl.virtualHost, 'http_proxy/a:80')
    expect(await outcome).toBe('absent')
    expect(await bench.ask('a:80')).toBe('absent')
    expect(bench.asked).toEqual(['VirtualHost http_proxy/a:80'])
    bench.apply(testVirtualHost('a:80', 'c'))
    expect(await bench.ask('a:80')).toBe('found')
  })

  test('that nobody answers are absent after the warming time, and are waited for anew', async () => {
    using bench = withRoutes({ warmingTimeoutMs: 10 })
    expect(await bench.ask('a:80')).toBe('absent')
    const second = bench.ask('a:80')
    bench.apply(testVirtualHost('a:80', 'c'))
    expect(await second).toBe('found')
  })

  test('that were refused let their requests go', async () => {
    using bench = withRoutes()
    const outcome = bench.ask('a:80')
    expect(bench.apply(testVirtualHost('a:80', 'c', { rate_limits: [{}] }))).toHaveLength(1)
    expect(await outcome).toBe('absent')
  })

  test('are bounded: the oldest absent one is given up', async () => {
    using bench = withRoutes()
    for (let index = 0; index <= 1000; index += 1) {
      const outcome = bench.ask(`h${index}`)
      bench.remove(TypeUrl.virtualHost, `http_proxy/h${index}`)
      await outcome
    }
    expect(bench.asked.filter((text) => text.startsWith('-'))).toEqual(['-VirtualHost http_proxy/h0'])
  })

  test('are never asked for without a route configuration that takes them, or by a protocol that cannot', async () => {
    using bench = withRoutes()
    expect(await bench.ask('a:80', 'other')).toBe('absent')
    using sotw = withRoutes({ onDemand: false })
    expect(await sotw.ask('a:80')).toBe('absent')
    expect([...bench.asked, ...sotw.asked]).toEqual([])
  })
})

test('restore() takes over what was held, tells the versions, and drops what no longer compiles', async () => {
  using first = setUp()
  first.apply(testCluster('c'), testEndpoints('c', [80]), testHttpProxyListener(8080), testOnDemandRoutes())
  const outcome = first.ask('a:80')
  first.apply(testVirtualHost('a:80', 'c'))
  await outcome
  const bad = { ...testCluster('bad'), bytes: new Uint8Array([0xff]) }
  using second = setUp()
  second.live.restore([bad, ...first.live.held.all().toReversed()])
  expect(second.calls).toEqual([
    'endpoints c 1',
    'cluster c',
    'routes http_proxy',
    'listener http_proxy',
    'routes http_proxy',
  ])
  expect(second.asked).toEqual([
    'restore Cluster c',
    'restore ClusterLoadAssignment c',
    'restore Listener http_proxy',
    'restore RouteConfiguration http_proxy',
    'restore VirtualHost http_proxy/a:80',
    'VirtualHost http_proxy/a:80',
    'ClusterLoadAssignment c',
    'RouteConfiguration http_proxy',
  ])
  expect(second.log).toHaveLength(1)
  expect(await second.ask('a:80')).toBe('found')
  await waitUntil('ready', () => second.live.isReady())
})
