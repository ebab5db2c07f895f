import { describe, expect, test } from 'bun:test'
import type { ClusterConfig } from '../config/index.ts'
import { type Balancer, createBalancer, pickAvoiding } from './index.ts'

interface Host {
  readonly authority: string
  readonly weight: number
  readonly activeRequests: number
}

function hostsOf(...weights: number[]): Host[] {
  return weights.map((weight, index) => ({ authority: `10.0.0.${index + 1}:80`, weight, activeRequests: 0 }))
}

const hashes = Array.from({ length: 20_000 }, (_, index) => Bun.hash.xxHash64(`user-${index}`, 0n))

function balancerOf(config: ClusterConfig['balancer'], hosts: readonly Host[]): Balancer<Host> {
  const balancer = createBalancer<Host>(config, { random: () => 0.5, now: () => 0 })
  balancer.setHosts(hosts)
  return balancer
}

function targets(balancer: Balancer<Host>): readonly (string | undefined)[] {
  return hashes.map((hash) => balancer.pick(hash)?.authority)
}

function share(picked: readonly (string | undefined)[], host: Host | undefined): number {
  return picked.filter((authority) => authority === host?.authority).length / picked.length
}

/** Configurations, with the share of keys that may move from a host that stays when one of ten leaves. */
describe.each<[ClusterConfig['balancer'], number]>([
  // Nine hosts have more points each than ten, in a ring of the same size: the new ones take keys of others.
  [{ kind: 'ring-hash', minimumSize: 8192, maximumSize: 1_048_576 }, 0.1],
  // A slot that a host leaves may start a chain of changes: Maglev keeps nearly all others, not all.
  [{ kind: 'maglev', tableSize: 65_537 }, 0.05],
])('consistent hashing: %j', (config, strays) => {
  test('pick() gives each hash the same host, whatever the order of the hosts', () => {
    const hosts = hostsOf(1, 1, 1, 1, 1)
    const picked = targets(balancerOf(config, hosts))
    expect(targets(balancerOf(config, hosts.toReversed()))).toEqual(picked)
    for (const host of hosts) expect(Math.abs(share(picked, host) - 0.2)).toBeLessThan(0.025)
  })

  test('pick() gives shares of keys by weight', () => {
    const hosts = hostsOf(6, 3, 1)
    const picked = targets(balancerOf(config, hosts))
    for (const [index, expected] of [0.6, 0.3, 0.1].entries()) {
      expect(Math.abs(share(picked, hosts[index]) - expected)).toBeLessThan(0.025)
    }
  })

  test('when one of ten hosts leaves, its keys move and nearly no others; when it returns, so do they', () => {
    const hosts = hostsOf(...Array.from({ length: 10 }, () => 1))
    const balancer = balancerOf(config, hosts)
    const before = targets(balancer)
    const [gone, ...others] = hosts
    balancer.setHosts(others)
    const after = targets(balancer)
    expect(share(after, gone)).toBe(0)
    const kept = before.filter((authority) => authority !== gone?.authority).length
    const moved = before.filter((authority, at) => authority !== gone?.authority && authority !== after[at]).length
    expect(moved / kept).toBeLessThanOrEqual(strays)
    for (const host of others) expect(Math.abs(share(after, host) - 1 / 9)).toBeLessThan(0.025)
    balancer.setHosts(hosts)
    expect(targets(balancer)).toEqual(before)
  })

  test('pickAvoiding() sends a key whose host is avoided to the same other host each time', () => {
    const hosts = hostsOf(1, 1, 1)
    const balancer = balancerOf(config, hosts)
    for (const hash of hashes.slice(0, 200)) {
      const first = balancer.pick(hash)
      const avoid = { hosts: [first], attempts: 20 }
      const second = pickAvoiding(balancer, hosts, avoid, hash)
      expect(second).not.toBe(first)
      expect(pickAvoiding(balancer, hosts, avoid, hash)).toBe(second)
    }
  })
})

test('setHosts() builds the table once for a set of hosts, and anew when a weight changes', () => {
  let read = 0
  const counted = { authority: '10.0.0.9:80', weight: 1, activeRequests: 0 }
  const host = {
    get authority() {
      read += 1
      return counted.authority
    },
    get weight() {
      return counted.weight
    },
    activeRequests: 0,
  }
  const other = { authority: '10.0.0.8:80', weight: 1, activeRequests: 0 }
  const balancer = createBalancer<Host>({ kind: 'maglev', tableSize: 251 }, { random: () => 0, now: () => 0 })
  balancer.setHosts([host, other])
  const built = read
  expect(built).toBeGreaterThan(0)
  balancer.setHosts([host, other])
  expect(read).toBe(built)
  counted.weight = 2
  balancer.setHosts([host, other])
  expect(read).toBeGreaterThan(built)
})
