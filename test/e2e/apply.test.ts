/** What a user sees of `weft apply`, `get`, `describe`, `diff`, `delete` and `status`, and what the proxies make of it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import type { TestWorkload } from '../harness/test-workload.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000
const olderProxy = resolve(import.meta.dir, '../harness/older-proxy.ts')

let mesh: TestMesh
let clients: readonly TestWorkload[] = []
let folder = ''

beforeAll(async () => {
  mesh = await startTestMesh()
  ;[, ...clients] = await Promise.all([
    mesh.start({ service: 'echo' }),
    mesh.start({ service: 'client', ports: [] }),
    mesh.start({ service: 'other', ports: [], env: { BUN_OPTIONS: `--preload ${olderProxy}` } }),
  ])
  folder = join(mesh.dataDir, 'files')
  await mkdir(folder)
  expect(await answers()).toEqual([200, 200])
}, limitMs)

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

/** The status that each client gets. */
function answers(): Promise<readonly number[]> {
  return Promise.all(
    clients.map(async (client) => {
      const response = await client.request('http://echo:8080/')
      await response.text()
      return response.status
    }),
  )
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, text)
  return path
}

function answering(status: number): string {
  return `# Answers for echo.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http:
    - directResponse: { status: ${status} }
`
}

describe('weft apply', () => {
  test(
    'stores nothing of a folder with faults, and prints all of them',
    async () => {
      await file('faulty/1-good.yaml', answering(418))
      const routes = await file(
        'faulty/2-routes.yaml',
        `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: first }
spec:
  hosts: [echo]
  http:
    - timeout: soon
      retry: { attempts: 2 }
      route: [{ destination: { host: echo }, weight: heavy }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: second }
spec:
  trafficPolicy: { loadBalancer: { simple: NEAREST } }
`,
      )
      const broken = await file('faulty/3-broken.yaml', 'kind: [unclosed\n')
      const before = await mesh.client.status()
      const run = await mesh.weft('apply', '-f', join(folder, 'faulty'))
      expect(run.exitCode).toBe(1)
      for (const [place, text] of [
        [`${routes}:7:16`, 'spec.http[0].timeout'],
        [`${routes}:8:7`, 'spec.http[0].retry'],
        [`${routes}:9:54`, 'spec.http[0].route[0].weight'],
        [`${routes}:14:1`, 'spec.host'],
        [`${routes}:15:44`, 'spec.trafficPolicy.loadBalancer.simple'],
        [`${broken}:`, ''],
      ] as const) {
        expect(run.stderr).toContain(place)
        expect(run.stderr).toContain(text)
      }
      expect((await mesh.client.status()).revision).toBe(before.revision)
      expect((await mesh.weft('get', 'all')).stdout).not.toContain('echo')
      expect(await answers()).toEqual([200, 200])
    },
    limitMs,
  )

  test(
    '--wait returns when every proxy that is concerned obeys',
    async () => {
      const path = await file('route.yaml', answering(418))
      for (const status of [418, 451, 418]) {
        await writeFile(path, answering(status))
        const run = await mesh.weft('apply', '--wait', '-f', path)
        expect(run.exitCode).toBe(0)
        expect(run.stdout + run.stderr).toContain('enforced on 2 of 2 proxies')
        expect(await answers()).toEqual([status, status])
      }
      const again = await mesh.weft('apply', '--wait', '-f', path)
      expect(again.stdout).toContain('VirtualService default/echo unchanged')
    },
    limitMs,
  )
})

describe('an object that was applied', () => {
  test(
    'is shown by get and describe with its file and line',
    async () => {
      const table = await mesh.weft('get', 'vs')
      expect(table.stdout).toMatch(new RegExp(String.raw`default\s+echo\s+${join(folder, 'route.yaml')}:\d`))
      const yaml = await mesh.weft('get', 'vs', 'echo', '-o', 'yaml')
      expect(yaml.stdout).toContain('directResponse: { status: 418 }')
      const description = await mesh.weft('describe', 'virtualservice', 'echo')
      expect(description.exitCode).toBe(0)
      for (const text of ['VirtualService', 'default/echo', `${join(folder, 'route.yaml')}:`, 'hosts: [echo]'])
        expect(description.stdout).toContain(text)
      const absent = await mesh.weft('get', 'vs', 'nobody')
      expect(absent.exitCode).toBe(1)
      expect(absent.stderr).toContain('nobody')
    },
    limitMs,
  )

  test(
    'is compared by diff, which changes nothing',
    async () => {
      const path = await file('next.yaml', answering(503))
      const run = await mesh.weft('diff', '-f', path, '--exit-code')
      expect(run.exitCode).toBe(1)
      expect(run.stdout).toContain('VirtualService default/echo would be configured')
      expect(run.stdout).toMatch(/^- +- directResponse: \{ status: 418 \}$/m)
      expect(run.stdout).toMatch(/^\+ +- directResponse: \{ status: 503 \}$/m)
      expect(await answers()).toEqual([418, 418])
      const same = await mesh.weft('diff', '-f', join(folder, 'route.yaml'), '--exit-code')
      expect([same.exitCode, same.stdout]).toEqual([0, ''])
    },
    limitMs,
  )

  test(
    'is obeyed by all proxies that status shows',
    async () => {
      const { stdout, exitCode } = await mesh.weft('status')
      expect(exitCode).toBe(0)
      for (const id of ['client-v1', 'echo-v1', 'other-v1'])
        expect(stdout).toMatch(new RegExp(String.raw`^${id} +${id} +default +yes +synced \d`, 'm'))
      expect(stdout).not.toContain('rejected')
    },
    limitMs,
  )
})

describe('a change that a proxy refuses', () => {
  function tea(pattern: string, status: number): string {
    return `# Tea.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http:
    - name: tea
      match: [{ uri: { regex: '${pattern}' } }]
      directResponse: { status: ${status} }
    - route: [{ destination: { host: echo } }]
`
  }

  async function atTea(): Promise<readonly number[]> {
    return Promise.all(clients.map(async (client) => (await client.request('http://echo:8080/tea')).status))
  }

  // `other` runs as an older version that takes patterns of at most 20 characters.
  const long = '/tea(/[a-z]+(/[0-9]+)?)?'

  test(
    'leaves the last good one serving there, and is shown with its reason and line',
    async () => {
      const path = await file('tea.yaml', tea('/tea', 418))
      expect((await mesh.weft('apply', '--wait', '-f', path)).exitCode).toBe(0)
      expect(await atTea()).toEqual([418, 418])
      await writeFile(path, tea(long, 451))
      const run = await mesh.weft('apply', '--wait', '-f', path)
      expect(run.exitCode).toBe(1)
      expect(run.stdout + run.stderr).toContain('enforced on 1 of 2 proxies')
      expect(run.stdout + run.stderr).toMatch(/other-v1: rejected: .*safe_regex.*Expected at most 20 characters/)
      expect(run.stdout + run.stderr).not.toContain('client-v1')
      expect(await atTea()).toEqual([451, 418])
      expect(await answers()).toEqual([200, 200])
      const { stdout } = await mesh.weft('status')
      expect(stdout).toMatch(/^other-v1 .* rejected \d/m)
      expect(stdout).toMatch(/^rejected by other-v1 at \S+: http_proxy\/echo:8080: .*Expected at most 20 characters/m)
      expect(stdout).toMatch(new RegExp(String.raw`from VirtualService\S* default/echo \(${path}:\d+\)`))
      expect((await mesh.weft('describe', 'vs', 'echo')).stdout).toContain('rejected by other-v1')
    },
    limitMs,
  )

  test(
    'is forgotten when it was mended',
    async () => {
      const path = await file('tea.yaml', tea('/tea', 451))
      const run = await mesh.weft('apply', '--wait', '-f', path)
      expect(run.stdout + run.stderr).toContain('enforced on 2 of 2 proxies')
      expect(await atTea()).toEqual([451, 451])
      expect((await mesh.weft('status')).stdout).not.toContain('rejected')
    },
    limitMs,
  )
})

describe('weft delete', () => {
  test(
    'takes the objects of a file out of service',
    async () => {
      const path = join(folder, 'route.yaml')
      expect((await mesh.weft('apply', '--wait', '-f', path)).exitCode).toBe(0)
      expect(await answers()).toEqual([418, 418])
      const run = await mesh.weft('delete', '--wait', '-f', path)
      expect([run.exitCode, run.stdout]).toEqual([0, expect.stringContaining('VirtualService default/echo deleted')])
      expect(await answers()).toEqual([200, 200])
      expect((await mesh.weft('delete', 'vs', 'echo')).exitCode).toBe(1)
    },
    limitMs,
  )
})

describe('a proxy that is gone', () => {
  test(
    'is named by apply --wait when it does not answer',
    async () => {
      const [client] = clients
      if (client === undefined) throw new Error('No client')
      process.kill(client.proxyPid() ?? 0, 'SIGSTOP')
      const path = await file('stopped.yaml', answering(418))
      const run = await mesh.weft('apply', '--wait', '--timeout', '500ms', '-f', path)
      process.kill(client.proxyPid() ?? 0, 'SIGCONT')
      expect(run.exitCode).toBe(1)
      expect(run.stdout + run.stderr).toContain('enforced on 1 of 2 proxies')
      expect(run.stdout + run.stderr).toMatch(/client-v1: /)
      await waitUntil('it obeys', async () => (await answers()).every((status) => status === 418))
    },
    limitMs,
  )
})
