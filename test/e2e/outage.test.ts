/** What a client sees while parts of the mesh are killed, without a chance to say goodbye. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failures, type Load, type LoadResult, outageMs, startLoad } from '../harness/load.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000

let mesh: TestMesh
let echo: TestWorkload
let echo2: TestWorkload
let client: TestWorkload

beforeAll(async () => {
  mesh = await startTestMesh()
  ;[echo, echo2, client] = await Promise.all([
    mesh.start({ service: 'echo' }),
    mesh.start({ service: 'echo', version: 'v2' }),
    mesh.start({ service: 'client', ports: [] }),
  ])
  // So that all are known to all before anything is killed.
  await waitUntil('both versions answer', async () => {
    const versions = await Promise.all(Array.from({ length: 4 }, answeredBy))
    return new Set(versions).size === 2
  })
}, limitMs)

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

/** Version of echo that answers a call, or its status when that is not 200. */
async function answeredBy(): Promise<string> {
  const answer = await call()
  if (answer.status !== 200) return String(answer.status)
  const { version }: { readonly version: string } = JSON.parse(await answer.text())
  return version
}

function call(): Promise<Response> {
  return client.request('http://echo:8080/')
}

/** Resolves when that many more requests were answered with 200. */
async function goesOn(load: Load, more: number): Promise<void> {
  const good = () => load.results.filter(({ status }) => status === 200).length
  const wanted = good() + more
  await waitUntil(`${more} more requests are answered`, () => good() >= wanted, 15_000)
}

function report(what: string, results: readonly LoadResult[]): void {
  const failed = results.filter(({ status }) => status !== 200).length
  console.log(
    `${what}: ${results.length} requests, ${failed} failed within ${outageMs(results).toFixed(0)} ms ${JSON.stringify(failures(results))}`,
  )
}

/** Kills the proxy of a workload under load, waits until another serves in its place, and answers what the client saw. */
async function killProxy(workload: TestWorkload): Promise<readonly LoadResult[]> {
  const load = startLoad(call)
  await goesOn(load, 50)
  const pid = workload.proxyPid() ?? 0
  process.kill(pid, 'SIGKILL')
  await waitUntil(
    'another proxy is ready',
    async () => {
      const next = workload.proxyPid()
      return next !== undefined && next !== pid && (await workload.admin('/ready').catch(() => '')) === 'LIVE\n'
    },
    15_000,
  )
  await goesOn(load, 100)
  return load.stop()
}

async function keptOnDisk(workload: TestWorkload, text: string): Promise<void> {
  const path = join(workload.stateDir, 'last-good.bin')
  const isKept = () =>
    readFile(path, 'latin1').then(
      (content) => content.includes(text),
      () => false,
    )
  await waitUntil(`${workload.id} keeps ${text}`, isKept)
}

describe('kill -9 of the control plane', () => {
  test(
    'fails no request, neither when it goes nor when it comes back',
    async () => {
      await keptOnDisk(client, 'http_proxy/echo:8080')
      await keptOnDisk(echo, 'inbound_8080')
      await keptOnDisk(echo2, 'inbound_8080')
      const load = startLoad(call)
      await goesOn(load, 100)
      await mesh.killControlPlane()
      for (const workload of [client, echo, echo2])
        await waitUntil(`${workload.id} has noticed`, async () => (await workload.logs()).includes('No control plane'))
      await goesOn(load, 300)
      await mesh.restartControlPlane()
      await connected([client.id, echo.id, echo2.id])
      await goesOn(load, 100)
      const results = await load.stop()
      report('kill -9 of the control plane, and its restart', results)
      expect(failures(results)).toEqual({})
    },
    limitMs,
  )
})

async function connected(ids: readonly string[]): Promise<void> {
  await waitUntil(
    'all proxies are connected',
    async () => {
      const { proxies } = await mesh.client.status()
      const names = proxies.filter((proxy) => proxy.connected).map(({ id }) => id)
      return ids.every((id) => names.includes(id))
    },
    15_000,
  )
}

describe('while the control plane is down', () => {
  test(
    'a killed proxy of the client comes back with its last good configuration and certificate',
    async () => {
      await mesh.killControlPlane()
      const results = await killProxy(client)
      report('kill -9 of the proxy of the client', results)
      expect(results.at(-1)?.status).toBe(200)
      expect(await client.admin('/certs')).toContain('spiffe://cluster.local/ns/default/sa/client')
    },
    limitMs,
  )

  test(
    'a killed proxy of a server comes back too, and mutual TLS with it',
    async () => {
      const results = await killProxy(echo)
      report('kill -9 of the proxy of one of two servers', results)
      await servedBy('v1')
      await servedBy('v2')
    },
    limitMs,
  )
})

async function servedBy(version: string): Promise<void> {
  await waitUntil(`${version} answers`, async () => (await answeredBy()) === version)
}

const teapot = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http: [{ directResponse: { status: 418, body: { string: back } } }]
`

describe('a control plane that comes back on its ports and data', () => {
  test(
    'has all proxies again, and changes are enforced',
    async () => {
      await mesh.restartControlPlane()
      await connected([client.id, echo.id, echo2.id])
      const { stdout } = await mesh.apply(teapot)
      expect(stdout).toContain('enforced on 1 of 1 proxy')
      const answer = await call()
      expect([answer.status, await answer.text()]).toEqual([418, 'back'])
    },
    limitMs,
  )
})

describe('a service with one server left', () => {
  test(
    'is served again after its proxy was killed',
    async () => {
      await mesh.remove(teapot)
      expect(await echo2.stop()).toBe(0)
      const results = await killProxy(echo)
      report('kill -9 of the proxy of the only server', results)
      expect(results.at(-1)?.status).toBe(200)
    },
    limitMs,
  )
})
