import { expect, test } from 'bun:test'
import type { WorkloadInput, WorkloadResponse } from '../../control/rest/index.ts'
import { registerWorkload } from './registration.ts'
import { waitUntil } from './wait-until.ts'

const response: WorkloadResponse = {
  id: 'a',
  spiffeId: 'spiffe://cluster.local/ns/default/sa/default',
  trustDomain: 'cluster.local',
  joinToken: 'token',
  trustBundle: '',
  xdsAddress: '127.0.0.1:1',
  leaseSeconds: 15,
}

function fakeClient() {
  const state = { puts: [] as string[], deleted: 0, down: false }
  return {
    state,
    putWorkload: (_: string, request: WorkloadInput) => {
      state.puts.push(request.health)
      return state.down ? Promise.reject(new Error('away')) : Promise.resolve(response)
    },
    deleteWorkload: () => {
      state.deleted += 1
      return state.down ? Promise.reject(new Error('away')) : Promise.resolve({ revision: 1 })
    },
  }
}

const request = {
  service: 'a',
  name: 'a-v1',
  labels: {},
  serviceAccount: 'default',
  address: '127.0.0.1',
  ports: [],
  placement: { inboundAddress: '127.0.0.1', httpProxyPort: 1, tcpUpstreams: [] },
}

test('registerWorkload() renews with the current health, survives a control plane that is away, and removes the entry at the end', async () => {
  const client = fakeClient()
  const reachable: boolean[] = []
  const registration = await registerWorkload({
    client,
    id: 'a',
    request,
    renewMs: 5,
    onReachable: (is) => void reachable.push(is),
  })
  expect(client.state.puts).toEqual(['starting'])
  await registration.setHealth('ready')
  client.state.down = true
  expect(await waitUntil(() => Promise.resolve(reachable.includes(false)), { timeoutMs: 2_000 })).toBe(true)
  client.state.down = false
  expect(await waitUntil(() => Promise.resolve(reachable.includes(true)), { timeoutMs: 2_000 })).toBe(true)
  expect(reachable).toEqual([false, true])
  await registration.remove()
  expect(client.state.deleted).toBe(1)
  const puts = client.state.puts.length
  expect(client.state.puts.slice(1).every((health) => health === 'ready')).toBe(true)
  await registration.remove()
  expect(client.state.puts).toHaveLength(puts)
})

test('registerWorkload() fails when the first registration does', async () => {
  const client = fakeClient()
  client.state.down = true
  await expect(registerWorkload({ client, id: 'a', request, onReachable: () => {} })).rejects.toThrow('away')
})
