import { describe, expect, test } from 'bun:test'
import type { ClusterConfig } from '../config/index.ts'
import { availableHosts, createBalancer, pickAvoiding } from './index.ts'

interface Host {
  readonly name: string
  readonly authority: string
  weight: number
  activeRequests: number
}

/** A small generator with known numbers (mulberry32), so that shares do not differ from run to run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function hostsOf(...weights: number[]): Host[] {
  return weights.map((weight, index) => ({
    name: `h${index}`,
    authority: `10.0.0.${index + 1}:80`,
    weight,
    activeRequests: 0,
  }))
}

const kinds: readonly ClusterConfig['balancer'][] = [
  { kind: 'round-robin' },
  { kind: 'random' },
  { kind: 'least-request', choiceCount: 2 },
  { kind: 'ring-hash', minimumSize: 16_384, maximumSize: 1_048_576 },
  { kind: 'maglev', tableSize: 65_537 },
]

describe.each(kinds)('balancer contract: %j', (config) => {
  const sharesOf = (hosts: Host[], picks: number): number[] => {
    const balancer = createBalancer<Host>(config, seeded(7))
    balancer.setHosts(hosts)
    const counts = new Map<string, number>()
    for (let pick = 0; pick < picks; pick += 1) {
      const { name } = balancer.pick() ?? { name: 'none' }
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return hosts.map((host) => (counts.get(host.name) ?? 0) / picks)
  }

  test('pick() gives undefined when there are no hosts', () => {
    const balancer = createBalancer<Host>(config, seeded(1))
    expect(balancer.pick()).toBeUndefined()
    balancer.setHosts([])
    expect(balancer.pick()).toBeUndefined()
  })

  test('pick() spreads evenly over equal weights', () => {
    for (const share of sharesOf(hostsOf(1, 1, 1, 1), 8000)) expect(Math.abs(share - 0.25)).toBeLessThan(0.02)
  })

  test('pick() follows unequal weights', () => {
    const shares = sharesOf(hostsOf(80, 15, 5), 20_000)
    expect(Math.abs((shares[0] ?? 0) - 0.8)).toBeLessThan(0.02)
    expect(Math.abs((shares[1] ?? 0) - 0.15)).toBeLessThan(0.02)
    expect(Math.abs((shares[2] ?? 0) - 0.05)).toBeLessThan(0.02)
  })

  test('pick() takes the only host', () => {
    expect(sharesOf(hostsOf(3), 10)).toEqual([1])
  })

  test('setHosts() replaces the hosts', () => {
    const balancer = createBalancer<Host>(config, seeded(3))
    balancer.setHosts(hostsOf(1, 1))
    balancer.pick()
    const [host] = hostsOf(1)
    balancer.setHosts(host === undefined ? [] : [host])
    expect(balancer.pick()).toBe(host)
  })

  test('pickAvoiding() gives the avoided host only when there is no other', () => {
    const hosts = hostsOf(1000, 1)
    const balancer = createBalancer<Host>(config, seeded(5))
    balancer.setHosts(hosts)
    const first = { hosts: hosts.slice(0, 1) }
    for (let pick = 0; pick < 100; pick += 1) expect(pickAvoiding(balancer, hosts, first)).toBe(hosts[1])
    const alone = hosts.slice(0, 1)
    balancer.setHosts(alone)
    expect(pickAvoiding(balancer, alone, first)).toBe(alone[0])
  })
})

test('pickAvoiding() draws again up to `attempts` times and then takes what came last', () => {
  const hosts = hostsOf(1, 1, 1, 1)
  for (const [attempts, name, draws] of [
    [0, 'h0', 1],
    [1, 'h1', 2],
    [2, 'h2', 3],
    [3, 'h3', 4],
    [9, 'h3', 4],
  ] as const) {
    const balancer = createBalancer<Host>({ kind: 'round-robin' }, () => 0)
    balancer.setHosts(hosts)
    let drawn = 0
    const counting = { setHosts: balancer.setHosts, pick: () => ((drawn += 1), balancer.pick()) }
    expect(pickAvoiding(counting, hosts, { hosts: hosts.slice(0, 3), attempts })?.name).toBe(name)
    expect(drawn).toBe(draws)
  }
})

test('round robin pick() serves equal hosts strictly in turn', () => {
  const hosts = hostsOf(1, 1, 1)
  const balancer = createBalancer<Host>({ kind: 'round-robin' }, () => 0)
  balancer.setHosts(hosts)
  const names = Array.from({ length: 6 }, () => balancer.pick()?.name)
  expect(names).toEqual(['h0', 'h1', 'h2', 'h0', 'h1', 'h2'])
})

test('round robin pick() gives exact shares in each full round of weights', () => {
  const hosts = hostsOf(3, 1)
  const balancer = createBalancer<Host>({ kind: 'round-robin' }, () => 0.5)
  balancer.setHosts(hosts)
  const names = Array.from({ length: 8 }, () => balancer.pick()?.name)
  expect(names.filter((name) => name === 'h0')).toHaveLength(6)
})

test('least request pick() prefers the idle host', () => {
  const hosts = hostsOf(1, 1)
  const [busy] = hosts
  if (busy !== undefined) busy.activeRequests = 50
  const balancer = createBalancer<Host>({ kind: 'least-request', choiceCount: 2 }, seeded(11))
  balancer.setHosts(hosts)
  let idle = 0
  for (let pick = 0; pick < 1000; pick += 1) if (balancer.pick()?.name === 'h1') idle += 1
  // The busy host is taken only when both draws hit it: one time in four.
  expect(idle).toBeGreaterThan(700)
})

test('availableHosts() leaves out what is not available, and degraded hosts while there are others', () => {
  const host = (available: boolean, degraded = false) => ({ health: { available, degraded } })
  const hosts = [host(true), host(false), host(true, true), host(false, true)]
  expect(availableHosts(hosts)).toEqual(hosts.slice(0, 1))
  expect(availableHosts(hosts.slice(1))).toEqual(hosts.slice(2, 3))
})
