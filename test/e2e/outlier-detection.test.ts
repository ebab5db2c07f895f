/** One of two instances answers 503 to everything: after as many errors as the rule allows, nobody meets them any more. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000
const allowed = 3
const withoutEnvoy = Bun.which('envoy') === null
if (withoutEnvoy) console.log('outlier-detection.test.ts runs without Envoy: no envoy on the PATH')

let mesh: TestMesh
let viaWeft: TestWorkload
let viaEnvoy: TestWorkload

/** An application that is broken and says so at once. */
const broken = [
  process.execPath,
  '-e',
  'Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: () => new Response("broken", { status: 503 }) })',
]

function rule(baseEjectionTime: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shaky }
spec:
  host: shaky
  trafficPolicy:
    outlierDetection: { consecutive5xxErrors: ${allowed}, interval: 1s, baseEjectionTime: ${baseEjectionTime}, maxEjectionPercent: 50 }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shaky }
spec:
  hosts: [shaky]
  http: [{ retries: { attempts: 0 }, route: [{ destination: { host: shaky } }] }]
`
}

/** Statuses of so many requests, one after the other. */
async function statuses(client: TestWorkload, count: number): Promise<readonly number[]> {
  const list: number[] = []
  for (let request = 0; request < count; request += 1) {
    const response = await client.request('http://shaky:8080/')
    await response.arrayBuffer()
    list.push(response.status)
  }
  return list
}

async function ejected(client: TestWorkload): Promise<boolean> {
  return (await client.admin('/clusters')).includes('::health_flags::/failed_outlier_check')
}

beforeAll(async () => {
  mesh = await startTestMesh()
  ;[viaWeft, viaEnvoy] = await Promise.all([
    mesh.start({ service: 'guest', ports: [] }),
    mesh.start({ service: 'visitor', ports: [], options: withoutEnvoy ? [] : ['--data-plane', 'envoy'] }),
    mesh.start({ service: 'shaky', version: 'v1' }),
    mesh.start({ service: 'shaky', version: 'v2', application: broken }),
  ])
  await mesh.apply(rule('120s'))
}, limitMs)

afterAll(() => mesh?.[Symbol.asyncDispose](), limitMs)

describe('an instance that answers 503', () => {
  test(
    'gets as many requests as the rule allows, and then none, through Weft',
    async () => {
      const first = await statuses(viaWeft, 60)
      expect(first.filter((status) => status === 503)).toHaveLength(allowed)
      expect(await ejected(viaWeft)).toBe(true)
      const samples = await viaWeft.metrics()
      const value = (name: string) =>
        samples.find((sample) => sample.name === `envoy_cluster_outlier_detection_ejections_${name}`)?.value
      expect([value('active'), value('enforced_total'), value('enforced_consecutive_5xx')]).toEqual([1, 1, 1])
    },
    limitMs,
  )

  test(
    'is left out by Envoy with the same configuration',
    async () => {
      await waitUntil(
        'the ejection',
        async () => {
          await statuses(viaEnvoy, 1)
          return ejected(viaEnvoy)
        },
        limitMs,
      )
      expect(new Set(await statuses(viaEnvoy, 60))).toEqual(new Set([200]))
    },
    limitMs,
  )

  test(
    'is tried again when its time is over',
    async () => {
      await mesh.apply(rule('1s'))
      await waitUntil('the end of the ejection', async () => !(await ejected(viaWeft)), limitMs)
      await waitUntil('a request to the instance', async () => (await statuses(viaWeft, 1))[0] === 503, limitMs)
    },
    limitMs,
  )
})
