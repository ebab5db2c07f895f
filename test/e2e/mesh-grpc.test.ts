/** gRPC through the mesh: each road that an application may take, all kinds of calls, and routes; Envoy on one of each side where it is installed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { status } from '@grpc/grpc-js'
import type { EchoReply } from '../harness/applications/echo-grpc.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'

const limitMs = 60_000
const calls = 1_000
/** With 1,000 calls six points are 4.7 standard deviations of a share of a fifth. */
const tolerancePoints = 6

const hasEnvoy = Bun.which('envoy') !== null
if (!hasEnvoy) console.log('grpc.test.ts: no envoy on the PATH, all proxies are those of Weft')

interface Report {
  readonly code: number
  readonly details: string
  readonly replies: readonly EchoReply[]
}

type Query = Readonly<Record<string, string | readonly string[]>>

let mesh: TestMesh
let clients: readonly TestWorkload[] = []

function application(name: string): readonly string[] {
  return [process.execPath, resolve(import.meta.dir, '../harness/applications', `${name}.ts`)]
}

async function call(client: TestWorkload, query: Query): Promise<Report> {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value].flat().map((each): [string, string] => [key, each]),
  )
  const port = client.record.ports[0]?.applicationPort ?? 0
  const url = `http://127.0.0.1:${port}/call?${new URLSearchParams(pairs).toString()}`
  const answer = await fetch(url, { proxy: '', signal: AbortSignal.timeout(20_000) })
  const report: Report = JSON.parse(await answer.text())
  return report
}

async function eachClient(check: (client: TestWorkload) => Promise<void>): Promise<void> {
  for (const client of clients) await check(client)
}

/** The rules of the service under test; each test writes its own. */
function rules(http: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: catalog }
spec:
  hosts: [catalog]
  http:
${http}`
}

const target = 'catalog:9000'

describe(`gRPC${hasEnvoy ? ', Envoy on one of each side' : ''}`, () => {
  beforeAll(async () => {
    mesh = await startTestMesh()
    const envoy = hasEnvoy ? ['--data-plane', 'envoy'] : []
    const server = { service: 'catalog', application: application('grpc-server'), ports: ['grpc:9000:auto'] }
    await Promise.all([
      mesh.start({ ...server, version: 'v1' }),
      mesh.start({ ...server, version: 'v2', options: envoy }),
    ])
    const upstream = ['--upstream', 'catalog:9000']
    clients = await Promise.all([
      mesh.start({ service: 'shop', application: application('grpc-client'), options: upstream }),
      mesh.start({ service: 'visitor', application: application('grpc-client'), options: [...upstream, ...envoy] }),
    ])
    await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: catalog }
spec:
  host: catalog
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`)
  }, limitMs)

  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  }, limitMs)

  test(
    'an application reaches a service by its name through the proxy variable, by its loopback port, and by the port of the proxy',
    async () => {
      await eachClient(async (client) => {
        const roads: readonly (readonly [Query, string])[] = [
          [{ target }, 'catalog:9000'],
          [{ target: '$CATALOG' }, 'catalog.default.svc.cluster.local:9000'],
          [{ target: `127.0.0.1:${client.record.httpProxyPort}`, authority: target }, 'catalog:9000'],
        ]
        for (const [road, authority] of roads) {
          const { code, replies } = await call(client, { ...road, text: 'hello', meta: 'x-colour:blue' })
          expect({ code, text: replies[0]?.text, authority: replies[0]?.authority }).toEqual({
            code: status.OK,
            text: 'hello',
            authority,
          })
          expect(replies[0]?.metadata).toMatchObject({
            'x-colour': 'blue',
            'x-forwarded-client-cert': expect.stringContaining(
              `URI=spiffe://cluster.local/ns/default/sa/${client.record.service}`,
            ),
          })
        }
      })
    },
    limitMs,
  )

  test(
    'streams of the server, of the client and of both',
    async () => {
      const texts = ({ replies }: Report): readonly string[] => replies.map((reply) => reply.text)
      for (const version of ['v1', 'v2']) {
        await mesh.apply(rules(`    - route: [{ destination: { host: catalog, subset: ${version} } }]`))
        await eachClient(async (client) => {
          for (const road of [target, '$CATALOG']) {
            const spelt = await call(client, { target: road, method: 'Spell', text: 'weft' })
            expect([spelt.code, ...texts(spelt)]).toEqual([status.OK, 'w', 'e', 'f', 't'])
            const joined = await call(client, { target: road, method: 'Join', text: ['a', 'b', 'c'] })
            expect([joined.code, ...texts(joined)]).toEqual([status.OK, 'abc'])
            const chat = await call(client, { target: road, method: 'Chat', text: ['one', 'two', 'three'] })
            expect([chat.code, ...texts(chat)]).toEqual([status.OK, 'one', 'two', 'three'])
            expect(new Set(chat.replies.map((reply) => reply.version))).toEqual(new Set([version]))
          }
        })
      }
    },
    limitMs,
  )

  test(
    'the status of the application arrives, and so does that of a service that is not there',
    async () => {
      await eachClient(async (client) => {
        const failed = await call(client, { target, text: 'x', status: String(status.FAILED_PRECONDITION) })
        expect(failed).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'as asked for' })
        const proxy = `127.0.0.1:${client.record.httpProxyPort}`
        const unknown = await call(client, { target: proxy, authority: 'nobody:9000', text: 'x' })
        expect(unknown.code).toBe(status.UNIMPLEMENTED)
      })
    },
    limitMs,
  )

  test(
    'routes by method and metadata, and an 80/20 split',
    async () => {
      await mesh.apply(
        rules(`
    - match: [{ uri: { exact: /weft.test.Echo/Spell } }, { headers: { tenant: { exact: acme } } }]
      route: [{ destination: { host: catalog, subset: v2 } }]
    - route:
        - { destination: { host: catalog, subset: v1 }, weight: 80 }
        - { destination: { host: catalog, subset: v2 }, weight: 20 }`),
      )
      await eachClient(async (client) => {
        for (let round = 0; round < 5; round += 1) {
          const spelt = await call(client, { target: '$CATALOG', method: 'Spell', text: 'x' })
          expect(spelt.replies[0]?.version).toBe('v2')
          const named = await call(client, { target, text: 'x', meta: 'tenant:acme' })
          expect(named.replies[0]?.version).toBe('v2')
        }
        let second = 0
        let left = calls
        const worker = async () => {
          while (left-- > 0) {
            const { code, replies } = await call(client, { target, text: 'x' })
            expect(code).toBe(status.OK)
            if (replies[0]?.version === 'v2') second += 1
          }
        }
        await Promise.all(Array.from({ length: 8 }, worker))
        expect(Math.abs((100 * second) / calls - 20)).toBeLessThanOrEqual(tolerancePoints)
      })
    },
    limitMs,
  )

  test(
    'an injected status, a time limit, the deadline of the client, and retries',
    async () => {
      await mesh.apply(
        rules(`
    - match: [{ headers: { case: { exact: fault } } }]
      fault: { abort: { grpcStatus: RESOURCE_EXHAUSTED, percentage: { value: 100 } } }
      route: [{ destination: { host: catalog, subset: v1 } }]
    - match: [{ headers: { case: { exact: timeout } } }]
      timeout: 200ms
      route: [{ destination: { host: catalog, subset: v1 } }]
    - match: [{ headers: { case: { exact: retry } } }]
      retries: { attempts: 2, retryOn: unavailable }
      route: [{ destination: { host: catalog, subset: v1 } }]
    - match: [{ headers: { case: { exact: no-retry } } }]
      retries: { attempts: 0 }
      route: [{ destination: { host: catalog, subset: v1 } }]
    - route: [{ destination: { host: catalog } }]`),
      )
      await eachClient(async (client) => {
        const { id } = client
        const fault = await call(client, { target, text: 'x', meta: 'case:fault' })
        expect(fault).toMatchObject({ code: status.RESOURCE_EXHAUSTED, replies: [] })
        const late = await call(client, { target, text: 'x', delay: '5000', meta: 'case:timeout' })
        expect(late.code).toBe(status.UNAVAILABLE)
        const deadline = await call(client, { target, text: 'x', delay: '5000', deadline: '200' })
        expect(deadline.code).toBe(status.DEADLINE_EXCEEDED)
        const retried = await call(client, { target, text: `retried by ${id}`, failures: '2', meta: 'case:retry' })
        expect(retried.code).toBe(status.OK)
        const given = await call(client, { target, text: `not for ${id}`, failures: '2', meta: 'case:no-retry' })
        expect(given.code).toBe(status.UNAVAILABLE)
      })
    },
    limitMs,
  )
})
