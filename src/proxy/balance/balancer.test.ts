import { describe, expect, test } from 'bun:test'
import type { BalancerConfig } from '../config/index.ts'
import { describeBalancerContract } from './balancer.contract.ts'
import { hostsOf, seeded, sharesOf, testHost, type TestHost } from './hosts.fixture.ts'
import { createBalancer, PeakLatency, pickAvoiding } from './index.ts'

const slowStart = { windowMs: 60_000, aggression: 1, minWeight: 0.1 }
const peakEwma = { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 10, penalty: 1_000_000 } as const

const kinds: readonly BalancerConfig[] = [
  { kind: 'round-robin' },
  { kind: 'round-robin', slowStart },
  { kind: 'random' },
  { kind: 'least-request', choiceCount: 2 },
  { kind: 'least-request', choiceCount: 4, activeRequestBias: 0.5, slowStart },
  { kind: 'least-request', choiceCount: 2, fullScan: true },
  { kind: 'ring-hash', minimumSize: 16_384, maximumSize: 1_048_576 },
  { kind: 'maglev', tableSize: 65_537 },
  peakEwma,
]

for (const kind of kinds) describeBalancerContract(kind)

const still = { random: () => 0, now: () => 0 }

test('pickAvoiding() draws again up to `attempts` times and then takes what came last', () => {
  const hosts = hostsOf(1, 1, 1, 1)
  for (const [attempts, name, draws] of [
    [0, 'h0', 1],
    [1, 'h1', 2],
    [2, 'h2', 3],
    [3, 'h3', 4],
    [9, 'h3', 4],
  ] as const) {
    const balancer = createBalancer<TestHost>({ kind: 'round-robin' }, still)
    balancer.setHosts(hosts)
    let drawn = 0
    const counting = { pick: () => ((drawn += 1), balancer.pick()) }
    expect(pickAvoiding(counting, hosts, { hosts: hosts.slice(0, 3), attempts })?.name).toBe(name)
    expect(drawn).toBe(draws)
  }
})

test('round robin pick() serves equal hosts strictly in turn', () => {
  const balancer = createBalancer<TestHost>({ kind: 'round-robin' }, still)
  balancer.setHosts(hostsOf(1, 1, 1))
  const names = Array.from({ length: 6 }, () => balancer.pick()?.name)
  expect(names).toEqual(['h0', 'h1', 'h2', 'h0', 'h1', 'h2'])
})

test('round robin pick() gives exact shares in each full round of weights', () => {
  const balancer = createBalancer<TestHost>({ kind: 'round-robin' }, { ...still, random: () => 0.5 })
  balancer.setHosts(hostsOf(3, 1))
  const names = Array.from({ length: 8 }, () => balancer.pick()?.name)
  expect(names.filter((name) => name === 'h0')).toHaveLength(6)
})

describe('least request', () => {
  test('pick() prefers the idle host', () => {
    const hosts = [testHost(0, { activeRequests: 50 }), testHost(1)]
    const balancer = createBalancer<TestHost>(
      { kind: 'least-request', choiceCount: 2 },
      { ...still, random: seeded(11) },
    )
    balancer.setHosts(hosts)
    // The busy host is taken only when both draws hit it: one time in four.
    expect(Math.abs((sharesOf(balancer, 4000)['h1'] ?? 0) - 0.75)).toBeLessThan(0.03)
  })

  test('pick() of a full scan takes none but the least busy', () => {
    const hosts = [
      testHost(0, { activeRequests: 2 }),
      testHost(1, { activeRequests: 1 }),
      testHost(2, { activeRequests: 1 }),
    ]
    const balancer = createBalancer<TestHost>(
      { kind: 'least-request', choiceCount: 2, fullScan: true },
      { ...still, random: seeded(3) },
    )
    balancer.setHosts(hosts)
    const shares = sharesOf(balancer, 4000)
    expect(shares['h0']).toBeUndefined()
    expect(Math.abs((shares['h1'] ?? 0) - 0.5)).toBeLessThan(0.03)
  })

  test.each([
    // Weights 2 and 1; the heavy host has 3 requests in progress, so its weight is divided by 4 to the power of the bias.
    [1, 0.5 / 1.5],
    [0.5, 1 / 2],
    [0, 2 / 3],
  ])('pick() with unequal weights divides by load to the power of %p', (activeRequestBias, share) => {
    const hosts = [testHost(0, { weight: 2, activeRequests: 3 }), testHost(1)]
    const balancer = createBalancer<TestHost>({ kind: 'least-request', choiceCount: 2, activeRequestBias }, still)
    balancer.setHosts(hosts)
    expect(Math.abs((sharesOf(balancer, 3000)['h0'] ?? 0) - share)).toBeLessThan(0.01)
  })
})

describe.each(['round-robin', 'least-request'] as const)('slow start of %s', (kind) => {
  test.each([
    // A tenth of the window, in a line: a tenth of the weight.
    [{ ...slowStart }, 6000, 0.1],
    [{ ...slowStart }, 30_000, 0.5],
    // The square root, and the least weight.
    [{ ...slowStart, aggression: 2 }, 15_000, 0.5],
    [{ ...slowStart, minWeight: 0.3 }, 600, 0.3],
    [{ ...slowStart }, 60_000, 1],
  ])('pick() with %j after %p ms gives a new host the share of weight %p', (config, age, weight) => {
    const balancer = createBalancer<TestHost>(
      { kind, choiceCount: 2, slowStart: config },
      { random: seeded(5), now: () => age },
    )
    balancer.setHosts([testHost(0), testHost(1), testHost(2, { since: 0 })])
    expect(Math.abs((sharesOf(balancer, 6000)['h2'] ?? 0) - weight / (2 + weight))).toBeLessThan(0.02)
  })

  test('pick() serves all alike as soon as the window is over', () => {
    let now = 1000
    const balancer = createBalancer<TestHost>(
      { kind, choiceCount: 2, slowStart },
      { random: seeded(5), now: () => now },
    )
    balancer.setHosts([testHost(0), testHost(1, { since: 0 })])
    expect(sharesOf(balancer, 1000)['h1']).toBeLessThan(0.12)
    now = 60_000
    expect(Math.abs((sharesOf(balancer, 4000)['h1'] ?? 0) - 0.5)).toBeLessThan(0.03)
  })
})

describe('peak EWMA', () => {
  function measured(...latencies: readonly (number | undefined)[]): TestHost[] {
    return latencies.map((latency, index) => {
      const host = testHost(index, { latency: new PeakLatency(10_000) })
      if (latency !== undefined) host.latency?.observe(latency, 0)
      return host
    })
  }

  test('pick() takes the faster of two, and the slower only when it has far less to do', () => {
    const hosts = measured(10, 30)
    const balancer = createBalancer<TestHost>(peakEwma, { random: seeded(1), now: () => 0 })
    balancer.setHosts(hosts)
    expect(sharesOf(balancer, 500)['h0']).toBeGreaterThan(0.9)
    const [fast] = hosts
    if (fast !== undefined) fast.activeRequests = 3
    expect(sharesOf(balancer, 500)['h1']).toBeGreaterThan(0.9)
  })

  test('pick() gives a host without an answer one request and then waits', () => {
    const hosts = measured(20, undefined)
    const balancer = createBalancer<TestHost>(peakEwma, { random: seeded(1), now: () => 0 })
    balancer.setHosts(hosts)
    expect(sharesOf(balancer, 500)['h1']).toBeGreaterThan(0.9)
    const [, silent] = hosts
    if (silent !== undefined) silent.activeRequests = 1
    expect(sharesOf(balancer, 500)['h0']).toBeGreaterThan(0.9)
  })

  test('observe() follows a slower answer at once, a faster one by and by, and forgets with time', () => {
    const latency = new PeakLatency(1000)
    const cost = (now: number): number => latency.cost({ activeRequests: 0 }, peakEwma, now)
    latency.observe(100, 0)
    latency.observe(400, 0)
    expect(cost(0)).toBe(400)
    expect(cost(1000)).toBe(200)
    latency.observe(100, 1000)
    // Half of what was, half of what is new.
    expect(cost(1000)).toBe(250)
    latency.observeSilence(50, 1000)
    expect(cost(1000)).toBe(250)
    latency.observeSilence(900, 1000)
    expect(cost(1000)).toBe(900)
  })
})
