/** Hosts and random numbers for tests and simulations of balancing. */
import type { PeakLatency } from './peak-latency.ts'
import type { SubsetHost } from './subset-balancer.ts'

/** A host whose every part can be changed. */
export interface TestHost extends SubsetHost {
  readonly name: string
  weight: number
  activeRequests: number
  availability: SubsetHost['availability']
  since: number | undefined
  latency: PeakLatency | undefined
}

/** A small generator with known numbers (mulberry32), so that shares do not differ from run to run. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** A healthy host `h<index>`. */
export function testHost(index: number, overrides: Partial<TestHost> = {}): TestHost {
  return {
    name: `h${index}`,
    authority: `10.0.${index >> 8}.${(index & 255) + 1}:80`,
    weight: 1,
    activeRequests: 0,
    availability: 'healthy',
    priority: 0,
    locality: '',
    localityWeight: 0,
    subsetLabels: undefined,
    since: undefined,
    latency: undefined,
    ...overrides,
  }
}

/** Healthy hosts of these weights. */
export function hostsOf(...weights: number[]): TestHost[] {
  return weights.map((weight, index) => testHost(index, { weight }))
}

/** Share of each host in so many picks, by name. */
export function sharesOf(
  balancer: { readonly pick: () => TestHost | undefined },
  picks: number,
): Readonly<Record<string, number>> {
  const shares: Record<string, number> = {}
  for (let pick = 0; pick < picks; pick += 1) {
    const name = balancer.pick()?.name ?? 'none'
    shares[name] = (shares[name] ?? 0) + 1 / picks
  }
  return shares
}
