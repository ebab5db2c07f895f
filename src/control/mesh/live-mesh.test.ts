import { describe, expect, test } from 'bun:test'
import type { Store } from '../../store/index.ts'
import { createMemoryStore } from '../../store/memory/index.ts'
import { applyObjects } from '../objects/index.ts'
import { LiveMesh } from './live-mesh.ts'

const settings = { trustDomain: 'cluster.local', serviceDomain: 'svc.cluster.local', rootNamespace: 'istio-system' }
const clock = { now: () => 1_700_000_000_000, monotonic: () => 0 }
const host = (name: string) => `${name}.default.svc.cluster.local`

async function setup(options: Parameters<typeof createMemoryStore>[0] = {}) {
  const store = createMemoryStore(options)
  const lines: string[] = []
  const live = new LiveMesh({ store, settings, log: (line) => lines.push(line) })
  await live.start()
  return { store, live, lines }
}

async function applyServices(store: Store, ...names: readonly string[]): Promise<number> {
  const documents = names.map(
    (name) => `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  ports: [{name: http, port: 80}]\n`,
  )
  const files = [{ path: 'mesh.yaml', text: documents.join('---\n') }]
  const outcome = await applyObjects(store, clock, { files, namespace: 'default' }, 'apply')
  if (outcome.kind === 'refused') throw new Error(JSON.stringify(outcome.diagnostics))
  return outcome.response.revision
}

describe('LiveMesh', () => {
  test('follows what is stored, and keeps the mesh for as long as nothing in it changes', async () => {
    const { store, live } = await setup()
    await using _ = live
    await live.reached(await applyServices(store, 'a', 'b'))
    const mesh = live.mesh()
    expect([...mesh.services.keys()]).toEqual([host('a'), host('b')])
    expect(mesh.services.get(host('b'))?.origin).toMatchObject({ file: 'mesh.yaml', line: 7 })
    await live.reached(await store.commit([{ kind: 'put', key: 'join-tokens/x', value: '{}' }]))
    expect(live.revision).toBe(2)
    expect(live.mesh()).toBe(mesh)
    await live.reached(await store.commit([{ kind: 'delete', key: 'resources/core/Service/default/a' }]))
    expect([...live.mesh().services.keys()]).toEqual([host('b')])
    // What did not change is the same object, which is what makes finding the changes cheap.
    expect(live.mesh().services.get(host('b'))).toBe(mesh.services.get(host('b')))
  })

  test('lists again when it fell behind the kept history', async () => {
    const { store, live } = await setup({ history: { commits: 1, bytes: 1_000_000 } })
    await using _ = live
    // In one turn: the watch cannot keep up.
    const commits = [1, 2, 3, 4].map((number) =>
      store.commit([{ kind: 'put', key: `join-tokens/${number}`, value: '{}' }]),
    )
    await Promise.all(commits)
    await live.reached(await applyServices(store, 'late'))
    expect([...live.mesh().services.keys()]).toEqual([host('late')])
    expect(live.isFollowing).toBe(true)
  })

  test('passes over what it cannot read and says so', async () => {
    const { store, live, lines } = await setup()
    await using _ = live
    const broken = [
      { kind: 'put', key: 'resources/core/Service/default/x', value: 'not JSON' } as const,
      { kind: 'put', key: 'workloads/x', value: '{}' } as const,
    ]
    await live.reached(await store.commit(broken))
    await live.reached(await applyServices(store, 'good'))
    expect([...live.mesh().services.keys()]).toEqual([host('good')])
    expect(lines).toEqual([expect.stringContaining('Service/default/x'), expect.stringContaining('workloads/x')])
  })

  test('says which stored object this version does not serve, with file, line and field', async () => {
    const { store, live, lines } = await setup()
    await using _ = live
    await live.reached(await applyServices(store, 'a', 'b'))
    const key = 'resources/core/Service/default/b'
    const stored = await store.get(key)
    const value = (stored?.value ?? '').replace('port: 80', 'port: 80000')
    await live.reached(await store.commit([{ kind: 'put', key, value }]))
    expect([...live.mesh().services.keys()]).toEqual([host('a')])
    expect(lines).toEqual([
      expect.stringMatching(/^Stored object is not served: mesh\.yaml:11:\d+: spec\.ports\[0\]\.port: /),
    ])
  })

  test('stops following at the end', async () => {
    const { live } = await setup()
    await live[Symbol.asyncDispose]()
    expect(live.isFollowing).toBe(false)
    // Nobody waits for ever for a revision that will not come.
    await live.reached(99)
  })
})
