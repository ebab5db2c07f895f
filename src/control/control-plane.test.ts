import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { startControlPlane } from './control-plane.ts'
import type { ControlPlane, ControlPlaneOptions } from './options.ts'
import { type ApiClient, ApiError, createApiClient, readServerFile, type WorkloadInput } from './rest/index.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-control-'))
let count = 0
const planes: ControlPlane[] = []
afterEach(async () => {
  for (const plane of planes.splice(0)) await plane[Symbol.asyncDispose]()
})
afterAll(() => rmSync(root, { recursive: true }))

async function start(
  options: Partial<ControlPlaneOptions> = {},
): Promise<{ plane: ControlPlane; api: ApiClient; dataDir: string }> {
  const dataDir = options.dataDir ?? join(root, String(count++))
  const plane = await startControlPlane({ dataDir, apiPort: 0, xdsPort: 0, log: () => undefined, ...options })
  planes.push(plane)
  return { plane, api: createApiClient({ serverFile: plane.serverFile }), dataDir }
}

/** A request as anybody could send it. */
async function call(plane: ControlPlane, path: string, init: RequestInit & { token?: string } = {}) {
  const { caFile, tokenFile } = await readServerFile(plane.serverFile)
  const token = init.token ?? readFileSync(tokenFile, 'utf8').trim()
  const headers = { authorization: `Bearer ${token}`, ...Object.fromEntries(new Headers(init.headers)) }
  const response = await fetch(plane.api + path, { ...init, headers, tls: { ca: readFileSync(caFile, 'utf8') } })
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}

const service = (name: string, port = 9080) => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector:
    app: ${name}
  ports:
    - name: http
      port: ${port}
`
const route = (name: string, subset: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
spec:
  hosts: [${name}]
  http:
    - route:
        - destination:
            host: ${name}
            subset: ${subset}
`
const broken = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: broken
spec:
  hosts: [reviews]
  http:
    - rout: []
    - route:
        - destination:
            host: reviews
          weight: many
`
const workload: WorkloadInput = {
  service: 'reviews',
  name: 'reviews-v1',
  labels: { version: 'v1' },
  serviceAccount: 'reviews',
  address: '127.0.0.1',
  ports: [{ port: 9080, name: 'http', applicationPort: 40001, meshPort: 40002 }],
  health: 'ready',
  placement: { inboundAddress: '127.0.0.1', httpProxyPort: 40003, tcpUpstreams: [] },
}
const text = (...documents: string[]) => ({ files: [{ path: 'mesh.yaml', text: documents.join('---\n') }] })

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  try {
    await promise
  } catch (cause) {
    if (cause instanceof ApiError) return cause
    throw cause
  }
  throw new Error('Expected a refusal')
}

describe.each(['memory', 'sqlite'] as const)('startControlPlane() with the %s store', (storeKind) => {
  test('apply stores objects with their place, and answers what became of each', async () => {
    const { api } = await start({ storeKind })
    const first = await api.apply(text(service('reviews'), service('ratings')))
    expect(first.objects.map(({ key, action }) => [key, action])).toEqual([
      ['core/Service/default/reviews', 'created'],
      ['core/Service/default/ratings', 'created'],
    ])
    const again = await api.apply(text(service('reviews'), service('ratings', 9090)))
    expect(again.objects.map(({ action }) => action)).toEqual(['unchanged', 'configured'])
    expect(again.revision).toBe(first.revision + 1)
    expect((await api.apply(text(service('reviews'), service('ratings', 9090)))).revision).toBe(again.revision)
    const { resources } = await api.listResources()
    expect(resources.map(({ name, line, revision }) => [name, line, revision])).toEqual([
      ['ratings', 12, again.revision],
      ['reviews', 1, first.revision],
    ])
    const stored = await api.getResource({ group: 'core', kind: 'Service', namespace: 'default', name: 'ratings' })
    expect(stored.text).toBe(service('ratings', 9090))
    expect(stored).toMatchObject({ apiVersion: 'v1', kind: 'Service', file: 'mesh.yaml' })
  })

  test('apply with a fault anywhere stores nothing and reports every fault', async () => {
    const { api } = await start({ storeKind })
    const refused = await failure(api.apply(text(service('reviews'), broken)))
    expect(refused.status).toBe(422)
    const faults = refused.diagnostics.filter(({ severity }) => severity === 'error')
    expect(faults.length).toBeGreaterThanOrEqual(2)
    expect(faults.every(({ file }) => file === 'mesh.yaml')).toBe(true)
    expect(new Set(faults.map(({ line }) => line)).size).toBeGreaterThanOrEqual(2)
    expect(await api.listResources()).toEqual({ revision: 0, resources: [] })
  })

  test('applies of many writers at once all hold, and each object has one winner', async () => {
    const { api } = await start({ storeKind })
    const ports = [1, 2, 3, 4, 5]
    const settled = await Promise.allSettled(
      ports.map((port) => api.apply(text(service('shared', port), service(`own-${port}`)))),
    )
    const stored = (await api.listResources()).resources.map(({ name }) => name)
    for (const [index, { status }] of settled.entries()) {
      expect(stored.includes(`own-${ports[index]}`)).toBe(status === 'fulfilled')
    }
    expect(stored).toContain('shared')
  })

  test('objects that are not of the mesh are remarked upon and not copied', async () => {
    const { api } = await start({ storeKind })
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2}\n'
    const { objects, diagnostics } = await api.apply(text(service('reviews'), secret))
    expect(objects.map(({ kind }) => kind)).toEqual(['Service'])
    expect(diagnostics).toContainEqual(expect.objectContaining({ severity: 'info', resource: 'Secret default/key' }))
    expect(JSON.stringify(await api.listResources())).not.toContain('hunter2')
  })

  test('diff answers the texts before and after and stores nothing', async () => {
    const { api } = await start({ storeKind })
    await api.apply(text(service('reviews')))
    const diff = await api.diff(text(service('reviews', 9090), service('ratings')))
    expect(diff.objects).toMatchObject([
      { action: 'configured', before: service('reviews'), after: service('reviews', 9090) },
      { action: 'created', after: service('ratings') },
    ])
    expect(diff.objects[1]?.before).toBeUndefined()
    const { revision, resources } = await api.listResources()
    expect([revision, resources.length, resources[0]?.text]).toEqual([1, 1, service('reviews')])
    expect((await failure(api.diff(text(broken)))).status).toBe(422)
  })

  test('deleteResources() deletes all in one revision, or none when one is not stored', async () => {
    const { api } = await start({ storeKind })
    const shop = (name: string) => ({ group: 'core', kind: 'Service', namespace: 'shop', name })
    await api.apply({ ...text(service('a'), service('b'), service('c')), namespace: 'shop' })
    const missing = await failure(api.deleteResources([shop('a'), shop('nobody'), shop('none')]))
    expect(missing).toMatchObject({ status: 404, code: 'WEFT_CONTROL_NOT_FOUND' })
    expect(missing.message).toBe('Service shop/nobody, Service shop/none are not stored')
    expect(await api.deleteResources([shop('a'), shop('c'), shop('a')])).toEqual({ revision: 2 })
    expect((await api.listResources()).resources.map(({ name }) => name)).toEqual(['b'])
    expect((await failure(api.deleteResources([]))).status).toBe(400)
  })

  test('list filters by kind and namespace; delete removes one object', async () => {
    const { api } = await start({ storeKind })
    await api.apply(text(service('reviews'), route('reviews', 'v1')))
    await api.apply({ ...text(service('reviews')), namespace: 'other' })
    expect((await api.listResources({ kind: 'VirtualService' })).resources.length).toBe(1)
    expect((await api.listResources({ namespace: 'other' })).resources.length).toBe(1)
    const name = { group: 'networking.istio.io', kind: 'VirtualService', namespace: 'default', name: 'reviews' }
    expect(await api.deleteResource(name)).toEqual({ revision: 3 })
    expect(await failure(api.deleteResource(name))).toMatchObject({ status: 404, code: 'WEFT_CONTROL_NOT_FOUND' })
    expect((await failure(api.getResource(name))).status).toBe(404)
  })

  test('a registered workload gets an identity, a join token once, and a certificate', async () => {
    const { plane, api } = await start({ storeKind })
    const registered = await api.putWorkload('reviews-v1-1', workload)
    expect(registered).toMatchObject({
      id: 'reviews-v1-1',
      spiffeId: 'spiffe://cluster.local/ns/default/sa/reviews',
      xdsAddress: plane.xds,
      leaseSeconds: 15,
    })
    const { joinToken = '' } = registered
    expect(joinToken).not.toBe('')
    expect((await api.putWorkload('reviews-v1-1', workload)).joinToken).toBeUndefined()
    const asked = await api.putWorkload('reviews-v1-1', workload, { token: true })
    expect(asked.joinToken).not.toBe(joinToken)
    expect(asked.joinToken).toBeDefined()
    const issued = await api.requestCertificate(joinToken, await makeCsr())
    const leaf = new X509Certificate(issued.certificateChain)
    expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/reviews')
    expect(leaf.verify(new X509Certificate(issued.trustBundle).publicKey)).toBe(true)
    expect(await failure(api.requestCertificate(joinToken, await makeCsr()))).toMatchObject({ status: 403 })
  })

  test('renewing a lease that changes nothing takes no revision', async () => {
    const { api } = await start({ storeKind })
    await api.putWorkload('reviews-v1-1', workload)
    const { revision } = await api.status()
    await api.putWorkload('reviews-v1-1', workload)
    expect((await api.status()).revision).toBe(revision)
    await api.putWorkload('reviews-v1-1', { ...workload, health: 'draining' })
    expect((await api.status()).revision).toBe(revision + 1)
  })

  test('a registered workload implies its service until a Service object says otherwise', async () => {
    const { api } = await start({ storeKind })
    await api.putWorkload('db-1', {
      ...workload,
      service: 'db',
      ports: [{ port: 5432, name: 'tcp', applicationPort: 40001, meshPort: 40002 }],
    })
    await api.putWorkload('catalog-1', {
      ...workload,
      service: 'catalog',
      ports: [
        { port: 9000, name: 'grpc', applicationPort: 40003, meshPort: 40004 },
        { port: 9001, name: 'http2-web', applicationPort: 40005, meshPort: 40006 },
        { port: 9002, name: 'http', applicationPort: 40007, meshPort: 40008 },
      ],
    })
    // Those of HTTP in any version are asked of the HTTP proxy, on demand.
    expect((await api.tcpServices('default')).services).toEqual([
      { host: 'db.default.svc.cluster.local', name: 'db', port: 5432 },
    ])
    await api.deleteWorkload('catalog-1')
    expect(await api.status()).toMatchObject({ services: 1, workloads: 1 })
    await api.apply(text(service('db', 80)))
    expect(await api.status()).toMatchObject({ services: 1, workloads: 1 })
    expect((await api.tcpServices('default')).services).toEqual([])
    await api.deleteWorkload('db-1')
    expect(await api.status()).toMatchObject({ services: 1, workloads: 0 })
    expect((await failure(api.deleteWorkload('db-1'))).status).toBe(404)
  })

  test('enforcement of a revision that concerns nobody answers at once', async () => {
    const { api } = await start({ storeKind })
    const { revision } = await api.apply(text(service('reviews')))
    expect(await api.enforcement(revision, 5000)).toEqual({ revision, affected: 0, enforced: 0, pending: [] })
    expect((await failure(api.enforcement(revision + 1, 0))).status).toBe(400)
  })

  test('enforcement names ready workloads whose proxy is not connected', async () => {
    const { api } = await start({ storeKind })
    await api.putWorkload('reviews-v1-1', workload)
    await api.putWorkload('reviews-v1-2', { ...workload, health: 'starting' })
    const { revision } = await api.apply(text(service('reviews')))
    expect(await api.enforcement(revision, 50)).toEqual({
      revision,
      affected: 1,
      enforced: 0,
      pending: [{ id: 'reviews-v1-1', reason: 'not connected' }],
    })
  })
})

async function makeCsr(): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return (await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm })).toString('pem')
}

describe('REST API', () => {
  test('asks for the bearer token everywhere but at the public paths', async () => {
    const { plane } = await start({ storeKind: 'memory' })
    for (const path of ['/v1/resources', '/v1/status', '/v1/workloads', '/v1/tcp-services', '/v1/enforcement/0']) {
      for (const token of ['', 'wrong', 'x'.repeat(600)]) {
        const answer = await call(plane, path, { token })
        expect([path, answer.status, answer.body.code]).toEqual([path, 401, 'WEFT_CONTROL_UNAUTHORIZED'])
        expect(answer.headers.get('www-authenticate')).toContain('Bearer')
      }
      expect((await call(plane, path)).status).toBe(200)
    }
    for (const path of ['/healthz', '/readyz', '/openapi.json']) {
      expect((await call(plane, path, { token: 'wrong' })).status).toBe(200)
    }
    const method = 'POST'
    const body = JSON.stringify({ joinToken: 'x', csr: 'y' })
    expect((await call(plane, '/v1/certificates', { method, body, token: 'wrong' })).status).toBe(403)
  })

  test('answers 404 to unknown paths and 405 with Allow to wrong methods', async () => {
    const { plane } = await start({ storeKind: 'memory' })
    for (const path of ['/', '/v1', '/v1/nothing', '/v1/resources/', '/v1/workloads/%ZZ']) {
      expect((await call(plane, path)).body).toMatchObject({ code: 'WEFT_CONTROL_NOT_FOUND' })
    }
    const wrong = await call(plane, '/v1/apply')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    const other = await call(plane, '/v1/workloads/a', { method: 'POST' })
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'PUT, DELETE'])
  })

  test('refuses malformed, mistyped and oversized bodies', async () => {
    const { plane } = await start({ storeKind: 'memory' })
    const post = (body: string, headers: Record<string, string> = {}) =>
      call(plane, '/v1/apply', { method: 'POST', body, headers })
    expect((await post('{')).status).toBe(400)
    expect((await post('{"files": 1}')).body.message).toContain('files')
    expect((await post('{}', { 'content-type': 'text/plain' })).status).toBe(415)
    const large = await call(plane, '/v1/certificates', {
      method: 'POST',
      body: 'x'.repeat(300_000),
      headers: { 'content-type': 'application/json' },
    })
    expect([large.status, large.body.code]).toEqual([413, 'WEFT_CONTROL_TOO_LARGE'])
  })

  test.each([
    ['an id with a slash', 'a%2Fb', {}],
    ['an id with a space', 'a%20b', {}],
    ['a namespace in upper case', 'a', { namespace: 'Default' }],
    ['a service account with a slash', 'a', { serviceAccount: 'a/../b' }],
    ['a port of 0', 'a', { ports: [{ port: 0, name: 'http', applicationPort: 1, meshPort: 1 }] }],
  ])('refuses to register %s', async (_, id, change) => {
    const { plane } = await start({ storeKind: 'memory' })
    const body = JSON.stringify({ ...workload, ...change })
    const headers = { 'content-type': 'application/json' }
    expect((await call(plane, `/v1/workloads/${id}`, { method: 'PUT', body, headers })).status).toBe(400)
  })

  test('refuses to register the identity of the control plane itself', async () => {
    const { api } = await start({ storeKind: 'memory' })
    const own = { ...workload, namespace: 'weft-system', serviceAccount: 'control-plane' }
    expect((await failure(api.putWorkload('a', own))).status).toBe(403)
  })

  test('serves an OpenAPI 3.1 document with every path of the API', async () => {
    const { plane } = await start({ storeKind: 'memory' })
    const { body } = await call(plane, '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(
      Object.entries<object>(body.paths)
        .map(([path, methods]) => `${Object.keys(methods).join(',')} ${path}`)
        .sort(),
    ).toEqual([
      'get /healthz',
      'get /readyz',
      'get /v1/enforcement/{revision}',
      'get /v1/resources',
      'get /v1/status',
      'get /v1/tcp-services',
      'get /v1/workloads',
      'get,delete /v1/resources/{group}/{kind}/{namespace}/{name}',
      'post /v1/apply',
      'post /v1/certificates',
      'post /v1/delete',
      'post /v1/diff',
      'put,delete /v1/workloads/{id}',
    ])
    const apply = body.paths['/v1/apply'].post
    expect(apply.requestBody.content['application/json'].schema.required).toEqual(['files'])
    expect(Object.keys(apply.responses)).toEqual(['200', '400', '401', '409', '413', '422', '500'])
    const ids = Object.values<Record<string, { operationId: string }>>(body.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('createApiClient()', () => {
  test('goes to the control plane itself, whatever http_proxy says', async () => {
    const { plane } = await start({ storeKind: 'memory' })
    const script = `
      import { createApiClient } from ${JSON.stringify(join(import.meta.dir, 'rest/index.ts'))}
      console.log((await createApiClient({ serverFile: process.argv[1] }).status()).revision)`
    const nowhere = 'http://127.0.0.1:1'
    const env = { ...process.env, http_proxy: nowhere, https_proxy: nowhere, HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere }
    const child = Bun.spawn([process.execPath, '-e', script, plane.serverFile], {
      env,
      stdout: 'pipe',
      stderr: 'inherit',
    })
    expect((await new Response(child.stdout).text()).trim()).toBe('0')
  })

  test('refuses a server whose certificate is of another authority', async () => {
    const { plane } = await start({ storeKind: 'memory' })
    const { dataDir: other } = await start({ storeKind: 'memory' })
    const serverFile = join(root, 'mixed.json')
    const server = { ...(await readServerFile(plane.serverFile)), caFile: join(other, 'ca/bundle.pem') }
    await Bun.write(serverFile, JSON.stringify(server))
    await expect(createApiClient({ serverFile }).status()).rejects.toMatchObject({ code: 'WEFT_CONTROL_UNREACHABLE' })
  })
})

describe('data directory', () => {
  test('holds the token, the root key and the server file with mode 0600, and the server file only while it runs', async () => {
    const { plane, dataDir } = await start()
    for (const file of ['token', 'control-plane.json', 'ca/root.key', 'store.sqlite']) {
      expect([file, statSync(join(dataDir, file)).mode & 0o777]).toEqual([file, 0o600])
    }
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    const server = await readServerFile(plane.serverFile)
    expect(server).toEqual({
      api: plane.api,
      xds: plane.xds,
      caFile: join(dataDir, 'ca/bundle.pem'),
      tokenFile: join(dataDir, 'token'),
    })
    await plane[Symbol.asyncDispose]()
    expect(existsSync(plane.serverFile)).toBe(false)
  })

  test('a second control plane on it is refused and leaves the first one alone', async () => {
    const { api, dataDir } = await start()
    await expect(start({ dataDir })).rejects.toMatchObject({ code: 'WEFT_STORE_LOCKED' })
    expect((await api.status()).revision).toBe(0)
  })

  test('another trust domain on it is refused', async () => {
    const { plane, dataDir } = await start()
    await plane[Symbol.asyncDispose]()
    await expect(start({ dataDir, trustDomain: 'other.example' })).rejects.toMatchObject({ code: 'WEFT_CA_ROOT' })
    await expect(start({ trustDomain: 'Not a domain' })).rejects.toMatchObject({ code: 'WEFT_CONTROL_TRUST_DOMAIN' })
  })

  test('a taken port is an error and leaves nothing open', async () => {
    const { plane } = await start()
    const apiPort = Number(new URL(plane.api).port)
    const dataDir = join(root, 'taken')
    await expect(start({ apiPort, dataDir })).rejects.toMatchObject({ code: 'WEFT_CONTROL_LISTEN' })
    const { api } = await start({ dataDir })
    expect((await api.status()).workloads).toBe(0)
  })

  test('a client without a control plane is told so', async () => {
    const client = createApiClient({ serverFile: join(root, 'nothing.json') })
    await expect(client.status()).rejects.toMatchObject({ code: 'WEFT_CONTROL_NO_SERVER' })
  })
})

describe('restart', () => {
  test('kill -9 of a control plane loses nothing that was answered', async () => {
    const dataDir = join(root, 'killed')
    const serverFile = join(dataDir, 'control-plane.json')
    const script = `
      import { startControlPlane } from ${JSON.stringify(join(import.meta.dir, 'control-plane.ts'))}
      await startControlPlane({ dataDir: ${JSON.stringify(dataDir)}, apiPort: 0, xdsPort: 0 })
      console.log('ready')`
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' })
    try {
      await child.stdout.getReader().read()
      const api = createApiClient({ serverFile })
      await api.apply(text(service('reviews'), route('reviews', 'v1')))
      await api.putWorkload('reviews-v1-1', workload)
      const before = await api.listResources()
      child.kill('SIGKILL')
      await child.exited
      const { api: after } = await start({ dataDir })
      expect(await after.listResources()).toEqual(before)
      expect(await after.status()).toMatchObject({ revision: before.revision, services: 1, workloads: 1 })
      const { workloads } = await after.listWorkloads()
      expect(workloads.map(({ id }) => id)).toEqual(['reviews-v1-1'])
      expect(Date.parse(workloads[0]?.leaseEndsAt ?? '')).toBeGreaterThan(Date.now())
    } finally {
      child.kill('SIGKILL')
    }
  })
})
