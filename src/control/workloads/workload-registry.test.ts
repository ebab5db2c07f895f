import { afterEach, describe, expect, test } from 'bun:test'
import { createMemoryStore } from '../../store/memory/index.ts'
import { LiveMesh } from '../mesh/index.ts'
import { workloadRequestSchema } from '../rest/index.ts'
import { WorkloadRegistry } from './workload-registry.ts'

const settings = { trustDomain: 'cluster.local', serviceDomain: 'svc.cluster.local', rootNamespace: 'istio-system' }
const request = workloadRequestSchema.parse({
  service: 'reviews',
  name: 'reviews-v1',
  labels: { version: 'v1' },
  serviceAccount: 'reviews',
  address: '127.0.0.1',
  ports: [{ port: 9080, name: 'http', applicationPort: 40001, meshPort: 40002 }],
  health: 'ready',
  placement: { inboundAddress: '127.0.0.1', httpProxyPort: 40003, tcpUpstreams: [] },
})
const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part[Symbol.asyncDispose]()
})

async function setup() {
  let now = 0
  const clock = { now: () => 1_700_000_000_000 + now, monotonic: () => now }
  const log = () => undefined
  const store = createMemoryStore()
  const live = new LiveMesh({ store, settings, log })
  await live.start()
  const start = () => {
    const registry = new WorkloadRegistry({ store, live, clock, trustDomain: 'cluster.local', log })
    open.push(registry)
    return registry
  }
  open.push(store, live)
  const registry = start()
  /** Lets time pass with a look at the leases every second, as it is in life. */
  const pass = async (seconds: number, looking: WorkloadRegistry = registry) => {
    for (let second = 0; second < seconds; second++) {
      now += 1000
      await looking.sweep()
    }
    await live.reached((await store.list('')).revision)
  }
  const ids = () => live.workloads().map(({ id }) => id)
  return { registry, live, pass, ids, start, sleepFor: (ms: number) => void (now += ms) }
}

describe('WorkloadRegistry', () => {
  test('removes a workload 15 s after its last renewal, and no other', async () => {
    const { registry, pass, ids } = await setup()
    await registry.register('a', request)
    await registry.register('b', request)
    await pass(10)
    await registry.register('b', request)
    await pass(4)
    expect(ids()).toEqual(['a', 'b'])
    await pass(1)
    expect(ids()).toEqual(['b'])
    await pass(9)
    expect(ids()).toEqual(['b'])
    await pass(1)
    expect(ids()).toEqual([])
  })

  test('says when a lease ends', async () => {
    const { registry, pass } = await setup()
    await registry.register('a', request)
    await pass(5)
    expect(registry.leaseEndsAt('a')).toBe(new Date(1_700_000_000_000 + 15_000).toISOString())
  })

  test('gives every known workload a whole lease after a restart', async () => {
    const { registry, pass, ids, start } = await setup()
    await registry.register('a', request)
    await pass(14)
    const restarted = start()
    await pass(14, restarted)
    expect(ids()).toEqual(['a'])
    await pass(1, restarted)
    expect(ids()).toEqual([])
  })

  test('ends no lease because the machine slept', async () => {
    const { registry, pass, ids, sleepFor } = await setup()
    await registry.register('a', request)
    sleepFor(3_600_000)
    await pass(1)
    expect(ids()).toEqual(['a'])
  })

  test('register() answers whether the identity is new', async () => {
    const { registry } = await setup()
    expect((await registry.register('a', request)).isNew).toBe(true)
    expect((await registry.register('a', { ...request, health: 'draining' })).isNew).toBe(false)
    const other = await registry.register('a', { ...request, serviceAccount: 'other' })
    expect([other.isNew, other.record.spiffeId]).toEqual([true, 'spiffe://cluster.local/ns/default/sa/other'])
    await registry.deregister('a')
    expect((await registry.register('a', request)).isNew).toBe(true)
  })

  test('registered workloads are in the mesh with their labels and service', async () => {
    const { registry, live } = await setup()
    await registry.register('a', request)
    const workload = live.mesh().workloads.get('a')
    expect([...(workload?.labels ?? [])]).toEqual([
      ['app', 'reviews'],
      ['version', 'v1'],
    ])
    expect(live.mesh().services.get('reviews.default.svc.cluster.local')).toMatchObject({
      ports: [{ number: 9080, name: 'http', protocol: 'http1', targetPort: 9080 }],
      origin: { file: 'weft run' },
    })
  })
})
