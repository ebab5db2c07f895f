/**
 * `bun bench/apply-latency.ts [--changes N]`: from the moment when an apply (the REST call that `weft apply` makes) has
 * returned to the first request that obeys it. A control plane, one service and one client, each with its proxy; the client
 * asks again and again over one connection. Prints median and worst of 50 changes.
 */
import { parseArgs } from 'node:util'
import { startTestMesh } from '../test/harness/test-mesh.ts'
import { waitUntil } from '../test/harness/wait-until.ts'

const { values } = parseArgs({ options: { changes: { type: 'string', default: '50' } } })
const changes = Number(values.changes)

/** A change that does not hold after this long is an error, not a measurement. */
const limitMs = 10_000

function answering(status: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http: [{ directResponse: { status: ${status} } }]
`
}

interface Sample {
  readonly applyMs: number
  readonly obeysMs: number
}

async function measure(): Promise<readonly Sample[]> {
  await using mesh = await startTestMesh()
  const [, client] = await Promise.all([mesh.start({ service: 'echo' }), mesh.start({ service: 'client', ports: [] })])
  const status = async (): Promise<number> => {
    const response = await client.request('http://echo:8080/')
    await response.arrayBuffer()
    return response.status
  }
  await waitUntil('the service answers', async () => (await status()) === 200)
  const samples: Sample[] = []
  for (let change = 0; change < changes; change += 1) {
    const wanted = change % 2 === 0 ? 418 : 451
    const start = performance.now()
    await mesh.client.apply({ files: [{ path: 'echo.yaml', text: answering(wanted) }] })
    const applied = performance.now()
    let sent = applied
    while ((await status()) !== wanted) {
      if (performance.now() - applied > limitMs) throw new Error(`Change ${change} does not hold after ${limitMs} ms`)
      sent = performance.now()
    }
    // Until the first request that obeys was sent: its own round trip is no part of the wait.
    samples.push({ applyMs: applied - start, obeysMs: sent - applied })
  }
  return samples
}

function summary(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1)
  return `median ${at(0.5)} ms, worst ${at(1)} ms`
}

const samples = await measure()
console.log(`apply (the REST call itself): ${summary(samples.map(({ applyMs }) => applyMs))}`)
console.log(
  `from its return to the first request that obeys, ${samples.length} changes: ${summary(samples.map(({ obeysMs }) => obeysMs))}`,
)
