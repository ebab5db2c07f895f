/** Real Envoy in place of one proxy, on either side, driven by Weft's control plane over delta ADS. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { exchangeTcp } from '../harness/raw-connection.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'

const limitMs = 60_000
const tolerancePoints = 3
/** With 2,000 requests three points are 3.4 standard deviations of a share of a fifth; with 4,000 they are 4.7. */
const requests = 4_000

const why = Bun.which('envoy') === null ? 'no envoy on the PATH' : ''
if (why !== '') console.log(`envoy.test.ts is skipped: ${why}`)

let mesh: TestMesh
let served: TestWorkload
let viaEnvoy: TestWorkload
let viaWeft: TestWorkload
let clients: readonly (readonly [string, TestWorkload, string])[] = []

interface Echoed {
  readonly version: string
  readonly headers: Readonly<Record<string, string>>
}

async function ask(client: TestWorkload, url: string): Promise<Echoed> {
  const response = await client.request(url)
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  const body: Echoed = JSON.parse(text)
  return body
}

describe.skipIf(why !== '')(`Envoy as data plane${why === '' ? '' : ` (skipped: ${why})`}`, () => {
  beforeAll(async () => {
    mesh = await startTestMesh()
    const ports = ['http:9080:auto']
    const options = ['--data-plane', 'envoy']
    ;[served, viaEnvoy, viaWeft] = await Promise.all([
      mesh.start({ service: 'reviews', version: 'v2', ports, options }),
      mesh.start({ service: 'visitor', ports: [], options }),
      mesh.start({ service: 'guest', ports: [] }),
      mesh.start({ service: 'reviews', version: 'v1', ports }),
    ])
    clients = [
      ['visitor', viaEnvoy, 'Envoy'],
      ['guest', viaWeft, 'Weft'],
    ]
    await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - match: [{ headers: { end-user: { exact: jason } } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
    - route:
        - { destination: { host: reviews, subset: v1 }, weight: 80 }
        - { destination: { host: reviews, subset: v2 }, weight: 20 }
`)
  }, limitMs)

  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  }, limitMs)

  test(
    'the split holds, whichever proxy sends and whichever serves',
    async () => {
      for (const [, client] of clients) {
        let second = 0
        let left = requests
        const worker = async () => {
          while (left-- > 0) if ((await ask(client, 'http://reviews:9080/')).version === 'v2') second += 1
        }
        await Promise.all(Array.from({ length: 8 }, worker))
        expect(Math.abs((100 * second) / requests - 20)).toBeLessThanOrEqual(tolerancePoints)
      }
    },
    limitMs,
  )

  test(
    'mutual TLS holds between all of them, each knowing the other',
    async () => {
      for (const [account, client] of clients) {
        const seen = new Map<string, string>()
        while (seen.size < 2) {
          const { version, headers } = await ask(client, 'http://reviews:9080/')
          seen.set(version, headers['x-forwarded-client-cert'] ?? 'none')
        }
        for (const certificate of seen.values()) {
          expect(certificate).toContain('By=spiffe://cluster.local/ns/default/sa/reviews')
          expect(certificate).toContain(`URI=spiffe://cluster.local/ns/default/sa/${account}`)
        }
      }
    },
    limitMs,
  )

  test(
    'Envoy refuses plain text at the mesh port',
    async () => {
      const { text } = await exchangeTcp(served.record.ports[0]?.meshPort ?? 0, [
        'GET / HTTP/1.1\r\nhost: reviews\r\n\r\n',
      ])
      expect(text).not.toContain('HTTP/1.1')
    },
    limitMs,
  )

  test(
    'Envoy holds its configuration over delta ADS, virtual hosts on demand',
    async () => {
      const { proxies } = await mesh.client.status()
      const stateOf = (id: string, type: string) =>
        proxies.find((proxy) => proxy.id === id)?.types.find(({ typeUrl }) => typeUrl.endsWith(`.${type}`))
      for (const { id } of [served, viaEnvoy]) {
        expect(proxies.find((proxy) => proxy.id === id)).toMatchObject({
          connected: true,
          userAgent: expect.stringContaining('envoy'),
          rejections: [],
        })
        expect(stateOf(id, 'Listener')?.state).toBe('synced')
      }
      expect(stateOf(viaEnvoy.id, 'VirtualHost')).toMatchObject({ state: 'synced', resources: 1 })
      expect(await viaEnvoy.admin('/config_dump')).toContain('/reviews:9080"')
      const stats = await viaEnvoy.admin('/stats?filter=control_plane.connected_state')
      expect(stats).toContain('control_plane.connected_state: 1')
    },
    limitMs,
  )

  test(
    'a change is enforced on Envoy too, with a pattern that its own limit would refuse',
    async () => {
      const { stdout, stderr } = await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - match: [{ uri: { regex: '/tea/[a-z]{1,300}' } }]
      directResponse: { status: 418 }
    - route: [{ destination: { host: reviews, subset: v1 } }]
`)
      expect(stdout + stderr).toContain('enforced on 2 of 2 proxies')
      for (const [, client] of clients) {
        expect((await client.request('http://reviews:9080/tea/green')).status).toBe(418)
        expect((await ask(client, 'http://reviews:9080/')).version).toBe('v1')
      }
    },
    limitMs,
  )
})
