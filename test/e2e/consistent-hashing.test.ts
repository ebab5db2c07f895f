/** Three endpoints behind consistent hashing, as a user configures it: the same key stays with the same endpoint. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'

const limitMs = 60_000
const url = 'http://echo:8080/'
const versions = ['v1', 'v2', 'v3'] as const
/** What also runs on the other data plane, where there is one. */
const hasEnvoy = Bun.which('envoy') !== null

let mesh: TestMesh
let client: TestWorkload
let viaEnvoy: TestWorkload | undefined

interface Answered {
  readonly version: string
  readonly cookies: readonly string[]
}

async function ask(
  headers: Readonly<Record<string, string>> = {},
  options: { readonly path?: string; readonly from?: TestWorkload } = {},
): Promise<Answered> {
  const response = await (options.from ?? client).request(`${url}${options.path ?? ''}`, { headers })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  const { version }: { readonly version: string } = JSON.parse(text)
  return { version, cookies: response.headers.getSetCookie() }
}

async function hashBy(settings: string): Promise<void> {
  await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo
  trafficPolicy:
    loadBalancer:
      consistentHash: { ${settings} }
`)
}

/** The endpoint of each of many keys, eight requests at a time. */
async function endpointsOf(keys: readonly string[], from?: TestWorkload): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const left = [...keys]
  async function worker(): Promise<void> {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      found.set(key, (await ask({ 'x-user': key }, from === undefined ? {} : { from })).version)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return new Map([...found].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

beforeAll(async () => {
  mesh = await startTestMesh()
  const starting = [
    mesh.start({ service: 'client', ports: [] }),
    ...(hasEnvoy ? [mesh.start({ service: 'visitor', ports: [], options: ['--data-plane', 'envoy'] })] : []),
  ]
  await Promise.all(versions.map((version) => mesh.start({ service: 'echo', version })))
  const [first, second] = await Promise.all(starting)
  if (first === undefined) throw new Error('The client did not start')
  client = first
  viaEnvoy = second
}, limitMs)

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

test.each(['httpHeaderName: X-User', 'httpHeaderName: X-User, maglev: {}'])(
  '{ %s }: a value always reaches the same endpoint, and a thousand values all of them',
  async (settings) => {
    await hashBy(settings)
    const [first, ...more] = await Promise.all(Array.from({ length: 30 }, () => ask({ 'x-user': 'ann' })))
    expect(new Set(more.map(({ version }) => version))).toEqual(new Set([first?.version ?? '']))
    const keys = Array.from({ length: 1000 }, (_, index) => `user-${index}`)
    const endpoints = await endpointsOf(keys)
    for (const version of versions) {
      const count = [...endpoints.values()].filter((each) => each === version).length
      expect(count).toBeGreaterThanOrEqual(200)
    }
    const some = keys.slice(0, 100)
    const before = new Map(some.toSorted().map((key) => [key, endpoints.get(key) ?? '']))
    expect(await endpointsOf(some)).toEqual(before)
    if (viaEnvoy !== undefined) {
      // Another proxy of either kind sends each value to the same endpoint.
      expect(await endpointsOf(some, viaEnvoy)).toEqual(before)
    }
  },
  limitMs,
)

test(
  'a client without the cookie is given it once, and stays where it was',
  async () => {
    await hashBy('httpCookie: { name: sid, path: /, ttl: 1h }')
    const { version, cookies } = await ask()
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(/^sid="[0-9a-f]{16}"; Max-Age=3600; Path=\/; HttpOnly$/)
    const cookie = cookies[0]?.split(';')[0] ?? ''
    for (let turn = 0; turn < 20; turn += 1) expect(await ask({ cookie })).toEqual({ version, cookies: [] })
    const others = await Promise.all(Array.from({ length: 60 }, (_, index) => ask({ cookie: `sid=${index}` })))
    expect(new Set(others.map((each) => each.version)).size).toBe(3)
  },
  limitMs,
)

test(
  'requests of one address stay with one endpoint',
  async () => {
    await hashBy('useSourceIp: true')
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask()))
    expect(new Set(answers.map(({ version }) => version)).size).toBe(1)
  },
  limitMs,
)

test(
  'a query parameter is a key',
  async () => {
    await hashBy('httpQueryParameterName: user')
    const path = (index: number) => ({ path: `?user=${index}` })
    const one = await Promise.all(Array.from({ length: 60 }, (_, index) => ask({}, path(index))))
    const again = await Promise.all(Array.from({ length: 60 }, (_, index) => ask({}, path(index))))
    expect(again).toEqual(one)
    expect(new Set(one.map(({ version }) => version)).size).toBe(3)
  },
  limitMs,
)

test(
  'an endpoint that leaves takes its keys with it, and few others move',
  async () => {
    await hashBy('httpHeaderName: X-User, maglev: {}')
    const keys = Array.from({ length: 300 }, (_, index) => `user-${index}`)
    const before = await endpointsOf(keys)
    const leaving = await mesh.start({ service: 'echo', version: 'v4' })
    const during = await endpointsOf(keys)
    expect([...during.values()].filter((version) => version === 'v4').length).toBeGreaterThan(30)
    await leaving.stop()
    expect(await endpointsOf(keys)).toEqual(before)
  },
  limitMs,
)
