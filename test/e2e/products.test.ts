/** The products example: two public paths before one real one, subsets, and balancing at random. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { manifests } from '../../examples/bookinfo/index.ts'
import { type Answer, send, sendMany, shares } from '../harness/proxied-requests.ts'
import { self } from '../harness/run-weft.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'

const limitMs = 60_000
const tolerancePoints = 3

/** With 2,000 requests three points are 2.8 standard deviations of a share of a third; with 4,000 they are 4. */
const requests = 4_000

let mesh: TestMesh
let proxyPort = 0

beforeAll(async () => {
  mesh = await startTestMesh()
  const application = [...self, 'example', 'bookinfo-products']
  const ports = ['http:9080:auto']
  const [client] = await Promise.all([
    mesh.start({ service: 'client', ports: [] }),
    ...['v1', 'v2', 'v3'].map((version) => mesh.start({ service: 'products', version, application, ports })),
  ])
  proxyPort = client.record.httpProxyPort
  await mesh.apply(manifests.products)
}, limitMs)

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

function versionOf({ status, body }: Answer): string {
  if (status !== 200) return `status ${status}`
  const { version }: { readonly version: string } = JSON.parse(body)
  return version
}

test(
  '/listv1 shows version 1 only',
  async () => {
    const answers = await sendMany({ proxyPort, url: 'http://products:9080/listv1' }, 200)
    expect([...shares(answers, versionOf)]).toEqual([['v1', 100]])
    const [answer] = answers
    expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({ podname: 'products-v1', products: [{ id: 1 }, {}, {}] })
  },
  limitMs,
)

test(
  '/catalog shows every version at random, a third each',
  async () => {
    const answers = await sendMany({ proxyPort, url: 'http://products:9080/catalog' }, requests)
    const measured = shares(answers, versionOf)
    expect([...measured.keys()].toSorted()).toEqual(['v1', 'v2', 'v3'])
    for (const share of measured.values()) expect(Math.abs(share - 100 / 3)).toBeLessThanOrEqual(tolerancePoints)
  },
  limitMs,
)

test(
  '/catalog does not take the versions in turn',
  async () => {
    const versions: string[] = []
    for (let turn = 0; turn < 200; turn += 1)
      versions.push(versionOf(await send({ proxyPort, url: 'http://products:9080/catalog' })))
    // In turn, no answer would be of the version of the one before; at random a third of them are.
    expect(versions.filter((version, index) => version === versions[index + 1]).length).toBeGreaterThan(20)
  },
  limitMs,
)

test(
  'the real path is not public',
  async () => {
    const { status } = await send({ proxyPort, url: 'http://products:9080/listproducts' })
    expect(status).toBe(404)
  },
  limitMs,
)
