/** Two services and a client, each with its proxy, as a user starts them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { createTestAuthority } from '../harness/mesh-certificates.ts'
import { failures, startLoad } from '../harness/load.ts'
import { exchangeTcp, exchangeTls } from '../harness/raw-connection.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'
import { runWeft } from '../harness/run-weft.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000

let mesh: TestMesh
let echo: TestWorkload
let echo2: TestWorkload
let upper: TestWorkload
let client: TestWorkload
let refusing: Bun.TCPSocketListener
let outside: Bun.Server<undefined>

const echoId = 'spiffe://cluster.local/ns/default/sa/echo'
const clientId = 'spiffe://cluster.local/ns/default/sa/client'

function configuration(refusedPort: number, goodPort: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http:
    - match: [{ uri: { prefix: /timeout } }]
      rewrite: { uri: /slow }
      timeout: 200ms
      route: [{ destination: { host: echo, subset: v1 } }]
    - match: [{ uri: { prefix: /flaky } }]
      retries: { attempts: 3, retryOn: 5xx }
      route: [{ destination: { host: echo, subset: v1 } }]
    - match: [{ uri: { prefix: /unsteady } }]
      rewrite: { uri: /flaky }
      retries: { attempts: 0 }
      route: [{ destination: { host: echo, subset: v1 } }]
    - match: [{ uri: { exact: /old } }]
      redirect: { uri: /new, authority: elsewhere.example, redirectCode: 302 }
    - match: [{ uri: { prefix: /teapot } }]
      directResponse: { status: 418, body: { string: short and stout } }
    - match: [{ uri: { prefix: /api/v1/ } }]
      rewrite: { uri: / }
      headers:
        request: { set: { x-set: new }, add: { x-add: more }, remove: [x-gone] }
        response: { set: { x-answer: given }, remove: [x-secret] }
      route: [{ destination: { host: echo, subset: v1 } }]
    - match: [{ uri: { prefix: /any } }]
      route: [{ destination: { host: echo } }]
    - match: [{ headers: { end-user: { exact: jason } } }]
      route: [{ destination: { host: echo, subset: v2 } }]
    - route: [{ destination: { host: echo, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside }
spec:
  hosts: [outside.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints:
    - { address: 127.0.0.1, ports: { http: ${refusedPort} } }
    - { address: 127.0.0.1, ports: { http: ${goodPort} } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: outside }
spec:
  hosts: [outside.example]
  http:
    - retries: { attempts: 2, retryOn: connect-failure }
      route: [{ destination: { host: outside.example } }]
`
}

interface Echoed {
  readonly version: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

async function echoed(response: Response): Promise<Echoed> {
  expect(response.status).toBe(200)
  const body: Echoed = JSON.parse(await response.text())
  return body
}

beforeAll(async () => {
  mesh = await startTestMesh()
  ;[echo, echo2, upper] = await Promise.all([
    mesh.start({ service: 'echo' }),
    mesh.start({ service: 'echo', version: 'v2' }),
    mesh.start({
      service: 'upper',
      application: 'tcp-upper',
      ports: ['tcp:9000:auto'],
      options: ['--protocol', 'tcp'],
    }),
  ])
  client = await mesh.start({ service: 'client', env: { EXIT_CODE: '7' } })
  // A port that nobody listens on, and that nobody else is given while this process holds it on another address.
  refusing = Bun.listen({ hostname: '127.0.0.2', port: 0, socket: { data: () => undefined } })
  outside = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('outside') })
  await mesh.apply(configuration(refusing.port, outside.port ?? 0))
}, limitMs)

afterAll(async () => {
  refusing?.stop()
  await outside?.stop(true)
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

describe('a request', () => {
  test(
    'reaches the service by its name, with the headers that the proxies add',
    async () => {
      const response = await client.request('http://echo:8080/hello?a=1', {
        method: 'POST',
        headers: { 'x-mine': 'kept', connection: 'x-hop', 'x-hop': 'dropped' },
        body: 'a body',
      })
      expect(response.headers.get('x-envoy-upstream-service-time')).toMatch(/^\d+$/)
      const { method, path, headers, body } = await echoed(response)
      expect([method, path, body]).toEqual(['POST', '/hello?a=1', 'a body'])
      expect(headers['host']).toBe('echo:8080')
      expect(headers['x-mine']).toBe('kept')
      expect(headers['x-hop']).toBeUndefined()
      expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
      expect(headers['x-forwarded-proto']).toBe('http')
      expect(headers['x-forwarded-client-cert']).toBe(`By=${echoId};URI=${clientId}`)
      expect(Object.keys(headers).filter((name) => name.startsWith('x-envoy-peer-metadata'))).toEqual([])
    },
    limitMs,
  )

  test(
    'has the x-request-id that the proxy made in the log of both proxies',
    async () => {
      const { headers } = await echoed(await client.request('http://echo:8080/'))
      const id = headers['x-request-id'] ?? 'none'
      for (const workload of [client, echo])
        await waitUntil(`${workload.id} has logged it`, async () => (await workload.logs()).includes(`"${id}"`))
    },
    limitMs,
  )

  test(
    'keeps the x-request-id that the application gave',
    async () => {
      const id = crypto.randomUUID()
      const { headers } = await echoed(await client.request('http://echo:8080/', { headers: { 'x-request-id': id } }))
      expect(headers['x-request-id']).toBe(id)
    },
    limitMs,
  )

  test(
    'is made by the application itself by means of its proxy variables',
    async () => {
      const port = client.record.ports[0]?.applicationPort ?? 0
      const target = encodeURIComponent('http://echo:8080/from-the-application')
      const { path } = await echoed(await fetch(`http://127.0.0.1:${port}/get?url=${target}`))
      expect(path).toBe('/from-the-application')
    },
    limitMs,
  )

  test(
    'to a service that is not there is answered by the proxy',
    async () => {
      const response = await client.request('http://nobody:8080/')
      expect(response.status).toBe(404)
    },
    limitMs,
  )

  test.each([
    'http://echo.default:8080/',
    'http://echo.default.svc:8080/',
    'http://echo.default.svc.cluster.local:8080/',
  ])(
    'to %s reaches the same service',
    async (url) => {
      expect((await echoed(await client.request(url))).version).toBe('v1')
    },
    limitMs,
  )
})

describe('identity', () => {
  const request = 'GET /intruder HTTP/1.1\r\nhost: echo:8080\r\nconnection: close\r\n\r\n'
  const identityOf = async ({ stateDir }: TestWorkload) => ({
    certificateChain: await Bun.file(join(stateDir, 'identity/certificate.pem')).text(),
    privateKey: await Bun.file(join(stateDir, 'identity/key.pem')).text(),
  })
  const meshPort = () => echo.record.ports[0]?.meshPort ?? 0

  test(
    'a certificate of the mesh is served at the mesh port',
    async () => {
      const { text } = await exchangeTls(meshPort(), request, await identityOf(client))
      expect(text).toStartWith('HTTP/1.1 200 OK\r\n')
      expect(text).toContain('"path":"/intruder"')
    },
    limitMs,
  )

  test(
    'plain text to the mesh port is refused',
    async () => {
      const { text } = await exchangeTcp(meshPort(), [request])
      expect(text).not.toContain('HTTP/1.1')
    },
    limitMs,
  )

  test(
    'a client certificate of another authority is refused, whatever it says',
    async () => {
      await using other = await createTestAuthority()
      const { text, error } = await exchangeTls(meshPort(), request, await other.issue(clientId))
      expect(text).toBe('')
      expect(error).not.toBe('timeout')
    },
    limitMs,
  )
})

describe('telemetry', () => {
  const edge = {
    source_workload: 'client-v1',
    source_workload_namespace: 'default',
    source_canonical_service: 'client',
    source_canonical_revision: 'v1',
    source_app: 'client',
    source_version: 'v1',
    destination_workload: 'echo-v1',
    destination_workload_namespace: 'default',
    source_principal: clientId,
    destination_principal: echoId,
    destination_app: 'echo',
    destination_version: 'v1',
    destination_service: 'echo.default.svc.cluster.local',
    destination_service_name: 'echo',
    destination_service_namespace: 'default',
    destination_canonical_service: 'echo',
    destination_canonical_revision: 'v1',
    request_protocol: 'http',
    response_flags: '-',
  }

  const total = async (workload: TestWorkload, name: string, labels: Readonly<Record<string, string>>) => {
    const samples = (await workload.metrics()).filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels.get(key) === value),
    )
    return samples.reduce((sum, { value }) => sum + value, 0)
  }

  test.each([
    ['source', () => client, { ...edge, reporter: 'source', connection_security_policy: 'unknown' }],
    ['destination', () => echo, { ...edge, reporter: 'destination', connection_security_policy: 'mutual_tls' }],
  ] as const)(
    'of the %s counts requests, durations and bytes by status',
    async (_, workloadOf, labels) => {
      const workload = workloadOf()
      const names = [
        'istio_requests_total',
        'istio_request_duration_milliseconds_count',
        'istio_request_bytes_count',
        'istio_response_bytes_count',
      ]
      const counts = (status: string) =>
        Promise.all(names.map((name) => total(workload, name, { ...labels, response_code: status })))
      const [good, missing] = [await counts('200'), await counts('404')]
      for (const path of ['ok', 'ok', 'status/404']) await (await client.request(`http://echo:8080/${path}`)).text()
      expect(await counts('200')).toEqual(good.map((count) => count + 2))
      expect(await counts('404')).toEqual(missing.map((count) => count + 1))
    },
    limitMs,
  )

  test(
    "has a line of each proxy in its access log, in Envoy's default format",
    async () => {
      const id = crypto.randomUUID()
      const headers = { 'x-request-id': id, 'user-agent': 'tester/1' }
      await (await client.request('http://echo:8080/logged', { headers, method: 'POST', body: '12345' })).text()
      const lineOf = async ({ stateDir }: TestWorkload) =>
        (await Bun.file(join(stateDir, 'proxy.log')).text()).split('\n').find((line) => line.includes(id)) ?? ''
      // Between the two proxies requests share a connection of HTTP/2.
      for (const [workload, protocol] of [
        [client, 'HTTP/1.1'],
        [echo, 'HTTP/2'],
      ] as const) {
        await waitUntil(`${workload.id} has logged the request`, async () => (await lineOf(workload)) !== '')
        expect(await lineOf(workload)).toMatch(
          new RegExp(
            String.raw`^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "POST /logged ${protocol}" 200 - 5 \d+ \d+ \d+ "-" "tester/1" "${id}" "echo:8080" "127\.0\.0\.1:\d+"$`,
          ),
        )
      }
    },
    limitMs,
  )
})

describe('routes', () => {
  test(
    'choose a version by a header',
    async () => {
      const headers = { 'end-user': 'jason' }
      expect((await echoed(await client.request('http://echo:8080/', { headers }))).version).toBe('v2')
      expect((await echoed(await client.request('http://echo:8080/'))).version).toBe('v1')
    },
    limitMs,
  )

  test(
    'end a request that takes longer than its timeout with 504',
    async () => {
      const late = await client.request('http://echo:8080/timeout?ms=8000')
      expect([late.status, await late.text()]).toEqual([504, 'upstream request timeout'])
      expect((await client.request('http://echo:8080/timeout?ms=0')).status).toBe(200)
    },
    limitMs,
  )

  test(
    'try a request again when the service answers 503, as often as the route says',
    async () => {
      const answer = await client.request(`http://echo:8080/flaky?key=${crypto.randomUUID()}&fail=2`)
      expect([answer.status, JSON.parse(await answer.text()).seen]).toEqual([200, 3])
      const beyond = await client.request(`http://echo:8080/flaky?key=${crypto.randomUUID()}&fail=9`)
      expect([beyond.status, JSON.parse(await beyond.text()).seen]).toEqual([503, 4])
      const without = await client.request(`http://echo:8080/unsteady?key=${crypto.randomUUID()}&fail=1`)
      expect([without.status, JSON.parse(await without.text()).seen]).toEqual([503, 1])
    },
    limitMs,
  )

  test(
    'try another endpoint when one refuses connections',
    async () => {
      const statuses = new Set<number>()
      for (let turn = 0; turn < 20; turn += 1) statuses.add((await client.request('http://outside.example/')).status)
      expect([...statuses]).toEqual([200])
    },
    limitMs,
  )

  test(
    'redirect',
    async () => {
      const answer = await client.request('http://echo:8080/old?a=1')
      expect([answer.status, answer.headers.get('location')]).toEqual([302, 'http://elsewhere.example/new?a=1'])
    },
    limitMs,
  )

  test(
    'answer by themselves',
    async () => {
      const answer = await client.request('http://echo:8080/teapot')
      expect([answer.status, await answer.text()]).toEqual([418, 'short and stout'])
    },
    limitMs,
  )

  test(
    'rewrite the path and edit headers of request and response',
    async () => {
      const answer = await client.request('http://echo:8080/api/v1/header?x-secret=1&x-kept=2')
      expect(answer.status).toBe(200)
      expect(
        Object.fromEntries(['x-answer', 'x-secret', 'x-kept'].map((key) => [key, answer.headers.get(key)])),
      ).toEqual({ 'x-answer': 'given', 'x-secret': null, 'x-kept': '2' })
      const { path, headers } = await echoed(
        await client.request('http://echo:8080/api/v1/things?b=2', {
          headers: { 'x-set': 'old', 'x-add': 'one', 'x-gone': 'there' },
        }),
      )
      expect(path).toBe('/things?b=2')
      expect([headers['x-set'], headers['x-add'], headers['x-gone']]).toEqual(['new', 'one, more', undefined])
    },
    limitMs,
  )
})

describe('TCP', () => {
  test(
    'reaches a service through its loopback port, each direction ending by itself',
    async () => {
      const port = client.record.ports[0]?.applicationPort ?? 0
      const env: Readonly<Record<string, string>> = JSON.parse(
        await (await fetch(`http://127.0.0.1:${port}/env`)).text(),
      )
      expect(env['UPPER_SERVICE_HOST']).toBe('127.0.0.1')
      const long = 'abcdefgh'.repeat(40_000)
      const { text, error } = await exchangeTcp(Number(env['UPPER_SERVICE_PORT']), ['hello ', long])
      expect(error).toBe('')
      expect(text.length).toBe('upper-v1:HELLO '.length + long.length)
      expect(text).toStartWith('upper-v1:HELLO ABCDEFGH')
    },
    limitMs,
  )

  test(
    'is counted by both proxies',
    async () => {
      const { loopbackPort } = client.record.upstreams.find(({ port }) => port === 9000) ?? { loopbackPort: 0 }
      const names = [
        'istio_tcp_connections_opened_total',
        'istio_tcp_connections_closed_total',
        'istio_tcp_received_bytes_total',
        'istio_tcp_sent_bytes_total',
      ]
      const counts = async (workload: TestWorkload, reporter: string) => {
        const samples = await workload.metrics()
        return names.map((name) =>
          samples
            .filter(
              (sample) =>
                sample.name === name &&
                sample.labels.get('reporter') === reporter &&
                sample.labels.get('source_principal') === clientId &&
                sample.labels.get('destination_workload') === 'upper-v1' &&
                sample.labels.get('destination_service') === 'upper.default.svc.cluster.local',
            )
            .reduce((sum, { value }) => sum + value, 0),
        )
      }
      const sides = [
        [client, 'source'],
        [upper, 'destination'],
      ] as const
      const before = await Promise.all(sides.map(([workload, reporter]) => counts(workload, reporter)))
      await exchangeTcp(loopbackPort, ['hello'])
      for (const [index, [workload, reporter]] of sides.entries()) {
        const wanted = [1, 1, 'hello'.length, 'upper-v1:HELLO'.length].map(
          (more, at) => (before[index]?.[at] ?? 0) + more,
        )
        await waitUntil(
          `${workload.id} has counted the connection`,
          async () => (await counts(workload, reporter))[1] === wanted[1],
        )
        expect(await counts(workload, reporter)).toEqual(wanted)
      }
    },
    limitMs,
  )
})

describe('weft run', () => {
  test(
    'ends with the exit code of the application',
    async () => {
      const { exitCode } = await runWeft([
        ...['run', '--server', join(mesh.dataDir, 'control-plane.json'), '--service', 'short'],
        ...['--', 'sh', '-c', 'exit 5'],
      ])
      expect(exitCode).toBe(5)
    },
    limitMs,
  )

  test(
    'stopping one of two endpoints under load fails no request',
    async () => {
      const load = startLoad(() => client.request('http://echo:8080/any'), 4)
      await waitUntil('load runs', () => load.results.length > 50)
      expect(await echo2.stop()).toBe(0)
      const atEnd = load.results.length
      await waitUntil('load goes on', () => load.results.length > atEnd + 50)
      const results = await load.stop()
      expect(failures(results)).toEqual({})
      const { workloads } = await mesh.client.listWorkloads()
      expect(workloads.map(({ id }) => id)).not.toContain(echo2.id)
    },
    limitMs,
  )

  test(
    'hands signals on to the application and ends with its exit code',
    async () => {
      client.signal('SIGHUP')
      await waitUntil('the application got SIGHUP', async () => (await client.printed()).includes('got SIGHUP'))
      expect((await client.request('http://echo:8080/')).status).toBe(200)
      expect(await client.stop()).toBe(7)
    },
    limitMs,
  )
})
