/** `weft run` replaces its proxy while requests run through it: mTLS, identity and configuration go on, and so does the control plane's view. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { failures, type Load, startLoad } from '../harness/load.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000

let mesh: TestMesh
let echo: TestWorkload
let client: TestWorkload

beforeAll(async () => {
  mesh = await startTestMesh()
  ;[echo, client] = await Promise.all([mesh.start({ service: 'echo' }), mesh.start({ service: 'client', ports: [] })])
  await waitUntil('echo answers', async () => (await client.request('http://echo:8080/')).status === 200)
}, limitMs)

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

async function goesOn(load: Load, more: number): Promise<void> {
  const wanted = load.results.length + more
  await waitUntil(`${more} more requests are answered`, () => load.results.length >= wanted, 15_000)
}

for (const side of ['server', 'client'] as const) {
  test(
    `SIGUSR2 to weft run replaces the ${side} side's proxy without a failed request`,
    async () => {
      const workload = side === 'server' ? echo : client
      const load = startLoad(() => client.request('http://echo:8080/'))
      await goesOn(load, 100)
      const serial = await workload.admin('/certs')
      workload.signal('SIGUSR2')
      await waitUntil('it is told', async () => / serves in place of /.test(await workload.printed()), 20_000)
      await goesOn(load, 200)
      expect(failures(await load.stop())).toEqual({})
      // The same certificate: the identity was taken over with the state directory.
      expect(await workload.admin('/certs')).toBe(serial)
      expect(await workload.admin('/ready')).toBe('LIVE\n')
    },
    limitMs,
  )
}
