import 'reflect-metadata'
import { create } from '@bufbuild/protobuf'
import { Pkcs10CertificateRequestGenerator, PemConverter } from '@peculiar/x509'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../test/harness/free-port.ts'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { TypeUrl } from '../../xds/index.ts'
import { NodeSchema } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import {
  createChannelCredentials,
  createDeltaProtocol,
  createSotwProtocol,
  deltaMethod,
  openAdsConnection,
  type ReceivedUpdate,
  renewCertificate,
  sotwMethod,
} from '../../xds/client/index.ts'
import { startControlPlane } from '../control-plane.ts'
import type { ControlPlane } from '../options.ts'
import { type ApiClient, createApiClient, type WorkloadInput } from '../rest/index.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-push-'))
const ownId = 'spiffe://cluster.local/ns/weft-system/sa/control-plane'
const open: AsyncDisposable[] = []
let plane: ControlPlane
let api: ApiClient

beforeAll(async () => {
  const ports = { apiPort: await freePort(), xdsPort: await freePort() }
  plane = await startControlPlane({ dataDir: join(root, 'plane'), ...ports, log: () => undefined })
  api = createApiClient({ serverFile: plane.serverFile })
})
afterEach(async () => {
  for (const part of open.splice(0)) await part[Symbol.asyncDispose]()
  for (const { id } of (await api.listWorkloads()).workloads) await api.deleteWorkload(id)
  for (const { key } of (await api.listResources()).resources) {
    const [group = '', kind = '', namespace = '', name = ''] = key.split('/')
    await api.deleteResource({ group, kind, namespace, name })
  }
})
afterAll(async () => {
  await plane[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})

let lastPort = 40_000
function workload(service: string, version = 'v1', change: Partial<WorkloadInput> = {}): WorkloadInput {
  const [applicationPort, meshPort, httpProxyPort] = [++lastPort, ++lastPort, ++lastPort]
  return {
    service,
    name: `${service}-${version}`,
    labels: { version },
    serviceAccount: service,
    address: '127.0.0.1',
    ports: [{ port: 9080, name: 'http', applicationPort, meshPort }],
    health: 'ready',
    placement: { inboundAddress: '127.0.0.1', httpProxyPort, tcpUpstreams: [] },
    ...change,
  }
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

async function makeCsr() {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const csr = (await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm })).toString('pem')
  const privateKey = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { csr, privateKey }
}

/** Registers a workload and gets its certificate, as `weft run` and a proxy do together. */
async function joinMesh(id: string, registration: WorkloadInput) {
  const { joinToken = '', trustBundle } = await api.putWorkload(id, registration, { token: true })
  const { csr, privateKey } = await makeCsr()
  const { certificateChain } = await api.requestCertificate(joinToken, csr)
  return () =>
    createChannelCredentials({
      address: plane.xds,
      trustBundle,
      certificate: { certificateChain, privateKey },
      serverNames: [{ type: 'uri', kind: 'exact', value: ownId }],
    })
}

interface TestProxy extends AsyncDisposable {
  /** Names of the resources that it holds, by the last part of the type URL. */
  readonly held: (type: string) => readonly string[]
  /** Updates since the start or the last look at them. */
  readonly takeUpdates: () => readonly string[]
  readonly ask: (authority: string) => void
  /** Refuses resources whose name holds this text. */
  refuse: string | undefined
  readonly statuses: string[]
}

/** A proxy as the control plane sees one: subscribes, acknowledges, asks for endpoints of the clusters that it gets. */
function connect(
  id: string,
  credentials: Awaited<ReturnType<typeof joinMesh>>,
  kind: 'delta' | 'sotw' = 'delta',
  process?: string,
): TestProxy {
  const resources = new Map<string, Map<string, string>>()
  const updates: string[] = []
  const statuses: string[] = []
  const node = create(NodeSchema, {
    id,
    ...(process === undefined ? {} : { metadata: { WEFT_PROCESS: process } }),
    userAgentName: 'test-proxy',
    userAgentVersionType: { case: 'userAgentVersion', value: '1' },
  })
  const proxy: { refuse: string | undefined } = { refuse: undefined }
  const follow = (update: ReceivedUpdate): void => {
    const { typeUrl } = update
    if (typeUrl !== TypeUrl.cluster) return
    protocol.subscribe(
      TypeUrl.endpoints,
      update.resources.map(({ name }) => name).filter((name) => name.startsWith('outbound|')),
    )
  }
  const apply = (update: ReceivedUpdate) => {
    const type = update.typeUrl.split('.').at(-1) ?? ''
    const held = resources.get(type) ?? new Map<string, string>()
    resources.set(type, held)
    const refused = update.resources.filter(({ name }) => proxy.refuse !== undefined && name.includes(proxy.refuse))
    for (const { name, version } of update.resources) held.set(name, version)
    for (const name of update.removed) held.delete(name)
    updates.push(
      ...update.resources.map(({ name }) => `${type} ${name}`),
      ...update.removed.map((name) => `${type} -${name}`),
    )
    follow(update)
    return refused.map(({ name }) => ({ name, message: 'routes[0].route: not implemented' }))
  }
  const shared = {
    address: () => plane.xds,
    credentials,
    apply,
    onStatus: (connected: boolean, reason: string) => void statuses.push(connected ? 'connected' : reason),
    random: () => 0,
    baseBackoffMs: 10,
    maxBackoffMs: 50,
  }
  const delta = createDeltaProtocol(node)
  const sotw = createSotwProtocol(node)
  const protocol = kind === 'delta' ? delta : sotw
  protocol.subscribe(TypeUrl.cluster, ['*'])
  protocol.subscribe(TypeUrl.listener, ['*'])
  protocol.subscribe(TypeUrl.route, ['http_proxy'])
  const connection =
    kind === 'delta'
      ? openAdsConnection({ ...shared, method: deltaMethod, protocol: delta })
      : openAdsConnection({ ...shared, method: sotwMethod, protocol: sotw })
  open.push(connection)
  return Object.assign(proxy, {
    statuses,
    held: (type: string) => [...(resources.get(type)?.keys() ?? [])].sort(),
    takeUpdates: () => updates.splice(0),
    ask: (authority: string) => {
      protocol.subscribe(TypeUrl.virtualHost, [`http_proxy/${authority}`])
      connection.flush()
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  })
}

async function startProxy(
  id: string,
  registration: WorkloadInput,
  kind: 'delta' | 'sotw' = 'delta',
): Promise<TestProxy> {
  const proxy = connect(id, await joinMesh(id, registration), kind)
  await waitUntil(
    `${id} is synchronised`,
    async () => (await stateOf(id)).acknowledged >= (await api.status()).revision,
  )
  return proxy
}

async function stateOf(id: string) {
  const found = (await api.status()).proxies.find((proxy) => proxy.id === id)
  return { connected: found?.connected === true, acknowledged: found?.acknowledgedRevision ?? -1, proxy: found }
}

const split = (name: string, weights: readonly [number, number]) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
spec:
  hosts: [${name}]
  http:
    - route:
        - destination: {host: ${name}, subset: v1}
          weight: ${weights[0]}
        - destination: {host: ${name}, subset: v2}
          weight: ${weights[1]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: ${name}
spec:
  host: ${name}
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
`
const apply = (text: string) => api.apply({ files: [{ path: 'mesh.yaml', text }] })

describe('push', () => {
  test('a proxy gets its own listeners at once and other services when it asks', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews'))
    const proxy = await startProxy('productpage-1', workload('productpage'))
    expect(proxy.held('Listener')).toEqual(['http_proxy', 'inbound_9080'])
    expect(proxy.held('Cluster').filter((name) => name.startsWith('outbound'))).toEqual([])
    proxy.ask('reviews:9080')
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').includes('http_proxy/reviews:9080'))
    const cluster = 'outbound|9080||reviews.default.svc.cluster.local'
    expect(proxy.held('Cluster')).toContain(cluster)
    expect(proxy.held('ClusterLoadAssignment')).toEqual([cluster])
    // Make before break: the route came after what it needs.
    const order = proxy.takeUpdates()
    expect(order.indexOf('VirtualHost http_proxy/reviews:9080')).toBeGreaterThan(
      order.indexOf(`ClusterLoadAssignment ${cluster}`),
    )
  })

  test('a change reaches the proxies that it touches and no other; enforcement counts them', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews'))
    await api.putWorkload('reviews-v2-1', workload('reviews', 'v2', { health: 'starting' }))
    const first = await startProxy('productpage-1', workload('productpage'))
    const second = await startProxy('details-1', workload('details'))
    await api.deleteWorkload('reviews-v1-1')
    first.ask('reviews:9080')
    await waitUntil('the virtual host came', () => first.held('VirtualHost').length === 1)
    second.takeUpdates()
    const { revision } = await apply(split('reviews', [80, 20]))
    expect(await api.enforcement(revision, 5000)).toEqual({ revision, affected: 1, enforced: 1, pending: [] })
    expect(first.held('Cluster')).toContain('outbound|9080|v2|reviews.default.svc.cluster.local')
    expect(second.takeUpdates()).toEqual([])
    // A proxy that a revision does not concern obeys it all the same.
    expect((await stateOf('details-1')).acknowledged).toBe(revision)
    expect((await stateOf('productpage-1')).acknowledged).toBe(revision)
  })

  test('a change of weights sends the virtual host and nothing else', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews', 'v1', { health: 'starting' }))
    await apply(split('reviews', [80, 20]))
    const proxy = await startProxy('productpage-1', workload('productpage'))
    proxy.ask('reviews:9080')
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').length === 1)
    proxy.takeUpdates()
    const { revision } = await apply(split('reviews', [50, 50]))
    expect((await api.enforcement(revision, 5000)).enforced).toBe(1)
    expect(proxy.takeUpdates()).toEqual(['VirtualHost http_proxy/reviews:9080'])
    // The same files again: no revision, no push.
    expect((await apply(split('reviews', [50, 50]))).revision).toBe(revision)
    expect(proxy.takeUpdates()).toEqual([])
  })

  test('a service that did not exist when it was asked for comes when it does', async () => {
    const proxy = await startProxy('productpage-1', workload('productpage'))
    proxy.ask('late:9080')
    await waitUntil('the refusal came', () => proxy.takeUpdates().includes('VirtualHost -http_proxy/late:9080'))
    await api.putWorkload('late-1', workload('late', 'v1', { health: 'starting' }))
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').includes('http_proxy/late:9080'))
  })

  test('a refused resource shows in enforcement and status with the line that caused it', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews', 'v1', { health: 'starting' }))
    const proxy = await startProxy('productpage-1', workload('productpage'))
    proxy.ask('reviews:9080')
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').length === 1)
    proxy.refuse = 'http_proxy/reviews'
    const { revision } = await apply(split('reviews', [80, 20]))
    const outcome = await api.enforcement(revision, 5000)
    expect(outcome).toMatchObject({ affected: 1, enforced: 0, pending: [{ id: 'productpage-1' }] })
    expect(outcome.pending[0]?.reason).toContain('rejected: ')
    expect(outcome.pending[0]?.reason).toContain('routes[0].route: not implemented')
    const { proxy: status } = await stateOf('productpage-1')
    expect(status?.rejections[0]).toMatchObject({
      typeUrl: TypeUrl.virtualHost,
      resources: ['http_proxy/reviews:9080'],
    })
    expect(status?.rejections[0]?.origins).toContainEqual(
      expect.objectContaining({ kind: 'VirtualService.networking.istio.io', name: 'reviews', file: 'mesh.yaml' }),
    )
    proxy.refuse = undefined
    const mended = await apply(split('reviews', [70, 30]))
    expect(await api.enforcement(mended.revision, 5000)).toMatchObject({ enforced: 1, pending: [] })
    expect((await stateOf('productpage-1')).proxy?.rejections).toEqual([])
  })

  test('enforcement names a proxy that went away, and counts it when it is back', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews', 'v1', { health: 'starting' }))
    const registration = workload('productpage')
    const credentials = await joinMesh('productpage-1', registration)
    const proxy = connect('productpage-1', credentials)
    proxy.ask('reviews:9080')
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').length === 1)
    await proxy[Symbol.asyncDispose]()
    await waitUntil('it is gone', async () => !(await stateOf('productpage-1')).connected)
    const { revision } = await apply(split('reviews', [80, 20]))
    expect(await api.enforcement(revision, 100)).toEqual({
      revision,
      affected: 1,
      enforced: 0,
      pending: [{ id: 'productpage-1', reason: 'not connected' }],
    })
    const waiting = api.enforcement(revision, 5000)
    connect('productpage-1', credentials)
    expect(await waiting).toMatchObject({ affected: 1, enforced: 1, pending: [] })
  })

  test('a client of the state-of-the-world protocol gets every service inline', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews', 'v1', { health: 'starting' }))
    const proxy = await startProxy('productpage-1', workload('productpage'), 'sotw')
    expect(proxy.held('RouteConfiguration')).toEqual(['http_proxy'])
    expect(proxy.held('Cluster')).toContain('outbound|9080||reviews.default.svc.cluster.local')
    proxy.takeUpdates()
    const { revision } = await apply(split('reviews', [80, 20]))
    expect((await api.enforcement(revision, 5000)).enforced).toBe(1)
    expect(proxy.takeUpdates()).toContain('RouteConfiguration http_proxy')
  })

  test('endpoints follow the health of workloads', async () => {
    const proxy = await startProxy('productpage-1', workload('productpage'))
    const registration = workload('reviews')
    await api.putWorkload('reviews-v1-1', { ...registration, health: 'starting' })
    proxy.ask('reviews:9080')
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').length === 1)
    proxy.takeUpdates()
    for (const health of ['ready', 'draining'] as const) {
      await api.putWorkload('reviews-v1-1', { ...registration, health })
      const name = 'ClusterLoadAssignment outbound|9080||reviews.default.svc.cluster.local'
      await waitUntil(`endpoints of a ${health} workload came`, () => proxy.takeUpdates().includes(name))
    }
  })
})

describe('processes of one workload', () => {
  const hasCluster = (proxy: TestProxy, text: string) => proxy.held('Cluster').some((name) => name.includes(text))

  test('have streams side by side, all of which get changes and must acknowledge them', async () => {
    const credentials = await joinMesh('client', workload('client'))
    const [first, second] = [connect('client', credentials, 'sotw', 'a'), connect('client', credentials, 'sotw', 'b')]
    await waitUntil(
      'both have listeners',
      () => first.held('Listener').length > 0 && second.held('Listener').length > 0,
    )
    await startProxy('reviews', workload('reviews'))
    await waitUntil('both have the new service', () => hasCluster(first, 'reviews') && hasCluster(second, 'reviews'))
    expect([...first.statuses, ...second.statuses]).toEqual(['connected', 'connected'])
    // The one that refuses counts, whichever of the two it is.
    second.refuse = 'details'
    await startProxy('details', workload('details'))
    await waitUntil('the refusal is seen', async () => {
      const { proxies } = await api.status()
      return proxies.some(({ id, rejections }) => id === 'client' && rejections.length > 0)
    })
  })

  test('are not mixed up: a newer stream of one process ends its older one only', async () => {
    const credentials = await joinMesh('client', workload('client'))
    const [first, other] = [connect('client', credentials, 'delta', 'a'), connect('client', credentials, 'delta', 'b')]
    await waitUntil('both are connected', () => first.statuses.length > 0 && other.statuses.length > 0)
    const again = connect('client', credentials, 'delta', 'a')
    await waitUntil('the older one is ended', () => first.statuses.some((text) => text.includes('same process')))
    await again[Symbol.asyncDispose]()
    expect(other.statuses).toEqual(['connected'])
  })
})

describe('admission', () => {
  test('a proxy may only be the workload that its certificate is of', async () => {
    const credentials = await joinMesh('details-1', workload('details'))
    await api.putWorkload('reviews-v1-1', workload('reviews'))
    const impostor = connect('reviews-v1-1', credentials)
    await waitUntil('it is refused', () => impostor.statuses.some((text) => text.includes('another identity')))
    const stranger = connect('nobody-1', credentials)
    await waitUntil('it is refused', () => stranger.statuses.some((text) => text.includes('No workload nobody-1')))
    expect(impostor.takeUpdates()).toEqual([])
    expect(stranger.takeUpdates()).toEqual([])
  })

  test('the stream of a workload that is deregistered ends', async () => {
    const proxy = await startProxy('details-1', workload('details'))
    await api.deleteWorkload('details-1')
    await waitUntil('the stream ended', () => proxy.statuses.some((text) => text.includes('no longer registered')))
  })

  test('renewal signs for the identity of the peer, and for nobody who is not registered', async () => {
    const credentials = await joinMesh('details-1', workload('details'))
    const { csr } = await makeCsr()
    const renewed = await renewCertificate({ address: plane.xds, credentials: credentials(), csr })
    const leaf = new X509Certificate(renewed.certificateChain)
    expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/details')
    expect(leaf.verify(new X509Certificate(renewed.trustBundle).publicKey)).toBe(true)
    await api.deleteWorkload('details-1')
    const refused = renewCertificate({ address: plane.xds, credentials: credentials(), csr })
    await expect(refused).rejects.toThrow('No registered workload has the identity')
  })
})

describe('restart of the control plane', () => {
  test('a proxy comes back and is sent only what differs', async () => {
    await api.putWorkload('reviews-v1-1', workload('reviews', 'v1', { health: 'starting' }))
    const proxy = await startProxy('productpage-1', workload('productpage'))
    proxy.ask('reviews:9080')
    await waitUntil('the virtual host came', () => proxy.held('VirtualHost').length === 1)
    const { revision } = await api.status()
    proxy.takeUpdates()
    const ports = { apiPort: Number(new URL(plane.api).port), xdsPort: Number(plane.xds.split(':').at(-1)) }
    await plane[Symbol.asyncDispose]()
    plane = await startControlPlane({ dataDir: join(root, 'plane'), ...ports, log: () => undefined })
    await waitUntil('it is back', async () => (await stateOf('productpage-1')).acknowledged === revision)
    expect(proxy.takeUpdates()).toEqual([])
    const applied = await apply(split('reviews', [80, 20]))
    expect(await api.enforcement(applied.revision, 5000)).toMatchObject({ affected: 1, enforced: 1 })
  })
})
