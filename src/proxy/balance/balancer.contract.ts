/** What holds for every balancer, as tests: each kind runs them by {@link describeBalancerContract}. */
import { describe, expect, test } from 'bun:test'
import type { BalancerConfig } from '../config/index.ts'
import { type BalancerParts, createBalancer, PeakLatency, pickAvoiding } from './index.ts'
import { hostsOf, seeded, sharesOf, testHost, type TestHost } from './hosts.fixture.ts'

/** Declares the contract's tests for one kind of balancer. */
export function describeBalancerContract(config: BalancerConfig): void {
  const make = (hosts: readonly TestHost[], seed = 7, parts: Partial<BalancerParts> = {}) => {
    const balancer = createBalancer<TestHost>(config, { random: seeded(seed), now: () => 0, ...parts })
    balancer.setHosts(hosts)
    return balancer
  }
  const expectShares = (hosts: readonly TestHost[], expected: readonly number[], picks: number): void => {
    const shares = sharesOf(make(hosts), picks)
    for (const [index, share] of expected.entries())
      expect(Math.abs((shares[`h${index}`] ?? 0) - share)).toBeLessThan(0.02)
  }

  describe(`balancer contract: ${JSON.stringify(config)}`, () => {
    test('pick() gives undefined when there are no hosts', () => {
      const balancer = createBalancer<TestHost>(config, { random: seeded(1), now: () => 0 })
      expect(balancer.pick()).toBeUndefined()
      balancer.setHosts(hostsOf(1, 2))
      balancer.setHosts([])
      expect(balancer.pick()).toBeUndefined()
      expect(balancer.pick(7n, 2)).toBeUndefined()
    })

    test('pick() spreads evenly over equal weights', () => {
      expectShares(hostsOf(1, 1, 1, 1), [0.25, 0.25, 0.25, 0.25], 8000)
      expectShares(hostsOf(5, 5), [0.5, 0.5], 8000)
    })

    test('pick() follows unequal weights', () => {
      if (config.kind === 'least-request' && config.fullScan === true)
        expectShares(hostsOf(80, 15, 5), [1 / 3, 1 / 3], 20_000)
      else expectShares(hostsOf(80, 15, 5), [0.8, 0.15, 0.05], 20_000)
    })

    test('pick() takes the only host', () => {
      const [host] = hostsOf(3)
      const balancer = make(host === undefined ? [] : [host])
      for (let pick = 0; pick < 10; pick += 1) expect(balancer.pick()).toBe(host)
    })

    test('pick() gives the same picks for the same random numbers', () => {
      const hosts = hostsOf(3, 2, 1, 1)
      const picks = [make(hosts, 9), make(hosts, 9)].map((balancer) =>
        Array.from({ length: 200 }, (_, index) => balancer.pick(BigInt(index) * 0x9e37_79b9_7f4a_7c15n)?.name),
      )
      expect(picks[0]).toEqual(picks[1])
    })

    test('setHosts() replaces the hosts: none that left is picked, each that came is', () => {
      const balancer = make(hostsOf(1, 1, 4))
      balancer.pick()
      const replacement = [testHost(10), testHost(11, { weight: 2 })]
      balancer.setHosts(replacement)
      const shares = sharesOf(balancer, 1000)
      expect(Object.keys(shares).toSorted()).toEqual(['h10', 'h11'])
    })

    test('pickAvoiding() gives the avoided host only when there is no other', () => {
      const hosts = hostsOf(1000, 1)
      const balancer = make(hosts, 5)
      const first = { hosts: hosts.slice(0, 1) }
      for (let pick = 0; pick < 100; pick += 1) expect(pickAvoiding(balancer, hosts, first)).toBe(hosts[1])
      const alone = hosts.slice(0, 1)
      balancer.setHosts(alone)
      expect(pickAvoiding(balancer, alone, first)).toBe(alone[0])
    })

    test('pick() makes no new host object and survives hosts that are busy or slow', () => {
      const hosts = hostsOf(1, 1, 2)
      for (const host of hosts) {
        host.activeRequests = 1000
        host.latency = new PeakLatency(10_000)
        host.latency.observe(5000, 0)
        host.since = 0
      }
      const balancer = make(hosts)
      for (let pick = 0; pick < 100; pick += 1) expect(hosts).toContain(balancer.pick() ?? testHost(99))
    })
  })
}
