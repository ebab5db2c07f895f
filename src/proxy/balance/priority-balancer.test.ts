import { describe, expect, test } from 'bun:test'
import type { BalancerConfig } from '../config/index.ts'
import { seeded, sharesOf, testHost, type TestHost } from './hosts.fixture.ts'
import { PriorityBalancer, type SpreadSettings } from './priority-balancer.ts'

const settings: SpreadSettings = {
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
  panicThreshold: 50,
  locality: undefined,
}

const roundRobin: BalancerConfig = { kind: 'round-robin' }
const kinds: readonly BalancerConfig[] = [
  roundRobin,
  { kind: 'random' },
  { kind: 'least-request', choiceCount: 2 },
  { kind: 'ring-hash', minimumSize: 16_384, maximumSize: 1_048_576 },
  { kind: 'maglev', tableSize: 65_537 },
  { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 10, penalty: 1_000_000 },
]

function balancerOf(
  hosts: readonly TestHost[],
  overrides: Partial<SpreadSettings> = {},
  config = roundRobin,
  onPanic?: () => void,
): PriorityBalancer<TestHost> {
  const balancer = new PriorityBalancer<TestHost>(config, { random: seeded(3), now: () => 0 }, onPanic)
  balancer.setHosts(hosts, { ...settings, ...overrides })
  return balancer
}

/** Hosts `h<first>` and so on, `healthy` of them first. */
function level(first: number, count: number, healthy: number, overrides: Partial<TestHost> = {}): TestHost[] {
  return Array.from({ length: count }, (_, index) =>
    testHost(first + index, { availability: index < healthy ? 'healthy' : 'unhealthy', ...overrides }),
  )
}

function expectShares(shares: Readonly<Record<string, number>>, expected: Readonly<Record<string, number>>): void {
  expect(Object.keys(shares).toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const [name, share] of Object.entries(expected)) expect(Math.abs((shares[name] ?? 0) - share)).toBeLessThan(0.03)
}

describe.each(kinds)('priorities with %j', (config) => {
  test('pick() fails over by health and overprovisioning', () => {
    const hosts = [...level(0, 4, 2), ...level(4, 2, 2, { priority: 1 })]
    const shares = sharesOf(balancerOf(hosts, {}, config), 10_000)
    expectShares(shares, { h0: 0.35, h1: 0.35, h4: 0.15, h5: 0.15 })
  })

  test('pick() forgets about health in panic, and says so', () => {
    let panics = 0
    const balancer = balancerOf(level(0, 5, 1), {}, config, () => (panics += 1))
    expectShares(sharesOf(balancer, 5000), { h0: 0.2, h1: 0.2, h2: 0.2, h3: 0.2, h4: 0.2 })
    expect(panics).toBe(5000)
  })

  test('pick() follows weights of localities, lessened by the health of their hosts', () => {
    const hosts = [
      ...level(0, 1, 1, { locality: 'a', localityWeight: 3 }),
      ...level(1, 2, 2, { locality: 'b', localityWeight: 1 }),
      ...level(3, 1, 1, { locality: 'c' }),
    ]
    const shares = sharesOf(balancerOf(hosts, { locality: { kind: 'weighted' } }, config), 10_000)
    expectShares(shares, { h0: 0.75, h1: 0.125, h2: 0.125 })
  })

  test('setHosts() takes note of health that changed', () => {
    const hosts = level(0, 4, 4)
    const balancer = balancerOf(hosts, {}, config)
    const [first] = hosts
    if (first !== undefined) first.availability = 'unhealthy'
    balancer.setHosts(hosts, settings)
    expect(sharesOf(balancer, 1000)['h0']).toBeUndefined()
    expect(balancer.available).toHaveLength(3)
    if (first !== undefined) first.availability = 'healthy'
    balancer.setHosts(hosts, settings)
    expect(sharesOf(balancer, 1000)['h0']).toBeGreaterThan(0.15)
  })
})

test('pick() gives degraded hosts what healthy ones cannot take', () => {
  const hosts = [testHost(0), testHost(1, { availability: 'degraded' }), testHost(2, { availability: 'degraded' })]
  // 46 percent of healthy capacity, and more than enough of degraded.
  expectShares(sharesOf(balancerOf(hosts), 10_000), { h0: 0.46, h1: 0.27, h2: 0.27 })
})

test('consistent hashing keeps to healthy hosts of a priority as long as there are any', () => {
  const config = { kind: 'maglev', tableSize: 65_537 } as const
  const degraded = [testHost(1, { availability: 'degraded' }), testHost(2, { availability: 'degraded' })]
  expectShares(sharesOf(balancerOf([testHost(0), ...degraded], {}, config), 1000), { h0: 1 })
  expectShares(sharesOf(balancerOf(degraded, {}, config), 5000), { h1: 0.5, h2: 0.5 })
})

test('pick() gives undefined without a healthy host when there is no panic mode', () => {
  expect(balancerOf(level(0, 3, 0), { panicThreshold: 0 }).pick()).toBeUndefined()
})

test('weighted_priority_health counts weights', () => {
  const hosts = [testHost(0, { weight: 9 }), testHost(1, { availability: 'unhealthy' }), testHost(2, { priority: 1 })]
  expectShares(sharesOf(balancerOf(hosts, { weightedPriorityHealth: true }), 2000), { h0: 1 })
  expectShares(sharesOf(balancerOf(hosts), 10_000), { h0: 0.7, h2: 0.3 })
})

test('the weight of a locality shrinks with its healthy hosts by the factor of overprovisioning', () => {
  const hosts = [
    ...level(0, 4, 2, { locality: 'a', localityWeight: 1 }),
    ...level(4, 1, 1, { locality: 'b', localityWeight: 1 }),
  ]
  const shares = sharesOf(balancerOf(hosts, { locality: { kind: 'weighted' } }), 10_000)
  expectShares(shares, { h0: 0.35 / 1.7, h1: 0.35 / 1.7, h4: 1 / 1.7 })
})

test('excluded hosts lessen neither their priority nor their locality', () => {
  const excluded = level(4, 6, 0, { locality: 'a', localityWeight: 1, excluded: true })
  const hosts = [
    ...level(0, 2, 2, { locality: 'a', localityWeight: 1 }),
    ...level(2, 2, 2, { locality: 'b', localityWeight: 1 }),
    ...excluded,
    testHost(20, { priority: 1 }),
  ]
  const shares = sharesOf(balancerOf(hosts, { locality: { kind: 'weighted' } }), 4000)
  expectShares(shares, { h0: 0.25, h1: 0.25, h2: 0.25, h3: 0.25 })
})

test('localities without any weight count like one', () => {
  const hosts = [...level(0, 1, 1, { locality: 'a' }), ...level(1, 3, 3, { locality: 'b' })]
  const shares = sharesOf(balancerOf(hosts, { locality: { kind: 'weighted' } }), 4000)
  expectShares(shares, { h0: 0.25, h1: 0.25, h2: 0.25, h3: 0.25 })
})

describe('zone-aware routing', () => {
  const locality = { kind: 'zone-aware', routingPercent: 100, minClusterSize: 4, failTrafficOnPanic: false } as const
  const local = {
    locality: 'a',
    healthy: new Map([
      ['a', 5],
      ['b', 5],
    ]),
    healthPercent: 100,
  }
  const hosts = (own: number, other: number): TestHost[] => [
    ...level(0, own, own, { locality: 'a' }),
    ...level(own, other, other, { locality: 'b' }),
  ]
  const ownShare = (own: number, other: number, overrides: Partial<SpreadSettings> = {}): number => {
    const balancer = balancerOf(hosts(own, other), { locality, local, ...overrides })
    const shares = sharesOf(balancer, 10_000)
    return Array.from({ length: own }, (_, index) => shares[`h${index}`] ?? 0).reduce((sum, share) => sum + share, 0)
  }

  test.each([
    // Half of the callers are here. With half of the hosts or more, all stays here.
    [2, 2, 1],
    [3, 1, 1],
    // With a quarter of the hosts, half of the traffic of here is what they can bear.
    [1, 3, 0.5],
    // Too few hosts of the cluster.
    [1, 2, 1 / 3],
  ])('with %p hosts here and %p elsewhere, the share of here is %p', (own, other, share) => {
    expect(Math.abs(ownShare(own, other) - share)).toBeLessThan(0.03)
  })

  test('prefers no zone without a local cluster, or when that is in panic or in another place', () => {
    expect(Math.abs(ownShare(1, 3, { local: undefined }) - 0.25)).toBeLessThan(0.03)
    expect(Math.abs(ownShare(1, 3, { local: { ...local, healthPercent: 40 } }) - 0.25)).toBeLessThan(0.03)
    expect(Math.abs(ownShare(1, 3, { local: { ...local, locality: 'z' } }) - 0.25)).toBeLessThan(0.03)
  })

  test('routing_enabled is the share of requests that prefer the zone', () => {
    const share = ownShare(2, 2, { locality: { ...locality, routingPercent: 50 } })
    expect(Math.abs(share - 0.75)).toBeLessThan(0.03)
  })

  test('what does not stay goes where there is room', () => {
    const three = [
      ...level(0, 1, 1, { locality: 'a' }),
      ...level(1, 2, 2, { locality: 'b' }),
      ...level(3, 7, 7, { locality: 'c' }),
    ]
    const callers = {
      locality: 'a',
      healthy: new Map([
        ['a', 4],
        ['b', 2],
        ['c', 4],
      ]),
      healthPercent: 100,
    }
    const shares = sharesOf(balancerOf(three, { locality, local: callers }), 20_000)
    // A tenth of the hosts for four tenths of the callers; only c has more hosts than callers.
    expect(Math.abs((shares['h0'] ?? 0) - 0.25)).toBeLessThan(0.03)
    expect(shares['h1']).toBeUndefined()
    expect(Math.abs((shares['h3'] ?? 0) - 0.75 / 7)).toBeLessThan(0.03)
  })

  test('fail_traffic_on_panic gives nobody rather than the sick', () => {
    const sick = level(0, 4, 1, { locality: 'a' })
    expect(balancerOf(sick, { locality }).pick()).toBeDefined()
    expect(balancerOf(sick, { locality: { ...locality, failTrafficOnPanic: true } }).pick()).toBeUndefined()
  })
})

test('consistent hashing sends a key to the same host as long as the priorities stay', () => {
  const hosts = [...level(0, 4, 2), ...level(4, 4, 4, { priority: 1 })]
  const balancer = balancerOf(hosts, {}, { kind: 'ring-hash', minimumSize: 1024, maximumSize: 8192 })
  for (let key = 0n; key < 300n; key += 1n) {
    const hash = key * 0x9e37_79b9_7f4a_7c15n
    expect(balancer.pick(hash)).toBe(balancer.pick(hash))
    // A hash of a remainder below 70 is the first priority's.
    expect(balancer.pick(hash)?.priority).toBe(hash % 100n < 70n ? 0 : 1)
  }
})
