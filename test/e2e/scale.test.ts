/** Cost follows use: in a mesh of 5,000 services a proxy holds what it talks to. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ControlPlane, startControlPlane } from '../../src/control/index.ts'
import { type ApiClient, createApiClient } from '../../src/control/rest/index.ts'
import { startWorkload, type TestWorkload } from '../harness/test-workload.ts'

const limitMs = 60_000
const serviceCount = 5_000
const used = ['service-7', 'service-2500', 'service-4999'] as const

let dataDir = ''
let plane: ControlPlane
let api: ApiClient
let servers: readonly TestWorkload[] = []
let client: TestWorkload

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'weft-scale-'))
  plane = await startControlPlane({ dataDir, apiPort: 0, xdsPort: 0, storeKind: 'memory' })
  api = createApiClient({ serverFile: plane.serverFile })
  const start = performance.now()
  const texts = Array.from({ length: serviceCount }, (_, index) => serviceText(index))
  const applied = await api.apply({ files: [{ path: 'services.yaml', text: texts.join('---\n') }] })
  expect(applied.objects).toHaveLength(serviceCount)
  const mesh = { dataDir, serverFile: plane.serverFile }
  console.log(`apply of ${serviceCount} services: ${(performance.now() - start).toFixed(0)} ms`)
  ;[client, ...servers] = await Promise.all([
    startWorkload({ service: 'client', ports: [] }, mesh),
    ...used.map((service) => startWorkload({ service }, mesh)),
  ])
}, limitMs)

afterAll(async () => {
  await Promise.all([client, ...servers].map((workload) => workload?.stop()))
  await plane?.[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
}, limitMs)

function serviceText(index: number): string {
  return `apiVersion: v1
kind: Service
metadata: { name: service-${index} }
spec:
  selector: { app: service-${index} }
  ports: [{ name: http, port: 8080 }]
`
}

function answering(service: string, status: number): Parameters<ApiClient['apply']>[0] {
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${service} }
spec:
  hosts: [${service}]
  http: [{ directResponse: { status: ${status} } }]
`
  return { files: [{ path: `${service}.yaml`, text }] }
}

async function statusOf(service: string): Promise<number> {
  const response = await client.request(`http://${service}:8080/`)
  await response.text()
  return response.status
}

async function held(path: string, pattern: RegExp): Promise<readonly string[]> {
  const found = [...(await client.admin(path)).matchAll(pattern)].map(([, name = '']) => name)
  return [...new Set(found)].toSorted()
}

test(
  'a proxy holds nothing outbound before its first request',
  async () => {
    expect(await held('/config_dump', /"(outbound\|[^"]+)"/g)).toEqual([])
  },
  limitMs,
)

test(
  'a proxy that talks to 3 of 5,000 services holds those 3',
  async () => {
    for (const service of used) {
      const start = performance.now()
      expect(await statusOf(service)).toBe(200)
      const first = performance.now()
      expect(await statusOf(service)).toBe(200)
      console.log(
        `first request to ${service}: ${(first - start).toFixed(0)} ms, second ${(performance.now() - first).toFixed(0)} ms`,
      )
    }
    const clusters = used.map((service) => `outbound|8080||${service}.default.svc.cluster.local`).toSorted()
    expect(await held('/clusters', /^(outbound\|[^:]+)::/gm)).toEqual(clusters)
    const names = async (resource: string, pattern: RegExp): Promise<readonly string[]> => {
      const page = await client.admin(`/config_dump?resource=${resource}`)
      return [...page.matchAll(pattern)].map(([, name = '']) => name).toSorted()
    }
    expect(await names('dynamic_virtual_hosts', /"name": "(http_proxy\/[^"]+)",\n\s*"version_info"/g)).toEqual(
      used.map((service) => `http_proxy/${service}:8080`).toSorted(),
    )
    const held3 = await names('dynamic_active_clusters', /^ {4}"name": "([^"]+)"/gm)
    expect(held3.filter((name) => name.startsWith('outbound'))).toEqual(clusters)
    expect(await names('dynamic_endpoint_configs', /^ {4}"cluster_name": "([^"]+)"/gm)).toEqual(clusters)
    const { proxies, services } = await api.status()
    expect(services).toBe(serviceCount)
    const types = proxies.find(({ id }) => id === client.id)?.types ?? []
    expect(types.find(({ typeUrl }) => typeUrl.endsWith('.VirtualHost'))?.resources).toBe(used.length)
  },
  limitMs,
)

test(
  'a change of a service that nobody talks to reaches no proxy',
  async () => {
    const { revision } = await api.apply(answering('service-1234', 418))
    expect(await api.enforcement(revision, 10_000)).toMatchObject({ affected: 0, enforced: 0 })
  },
  limitMs,
)

test(
  'a change of one of the 3 reaches the one proxy that talks to it',
  async () => {
    const times: number[] = []
    for (const status of [418, 451, 418, 451, 418]) {
      const start = performance.now()
      const { revision } = await api.apply(answering(used[1], status))
      expect(await api.enforcement(revision, 10_000)).toMatchObject({ affected: 1, enforced: 1, pending: [] })
      times.push(performance.now() - start)
      expect(await statusOf(used[1])).toBe(status)
    }
    expect(await statusOf(used[0])).toBe(200)
    console.log(
      `apply and push of one route among ${serviceCount} services: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`,
    )
  },
  limitMs,
)
