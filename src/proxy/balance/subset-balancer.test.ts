import { describe, expect, test } from 'bun:test'
import type { SubsetConfig, SubsetSelector } from '../config/index.ts'
import { createSubsetMatch } from '../route/index.ts'
import { seeded, testHost, type TestHost } from './hosts.fixture.ts'
import type { SpreadSettings } from './priority-balancer.ts'
import { SubsetBalancer } from './subset-balancer.ts'

const settings: SpreadSettings = {
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
  panicThreshold: 0,
  locality: undefined,
}

const selector = (...keys: string[]): SubsetSelector => ({ keys, fallback: undefined, fallbackKeys: [] })

const subsets: SubsetConfig = {
  fallback: 'none',
  defaultSubset: createSubsetMatch({ stage: 'prod' }),
  selectors: [selector('stage', 'version'), selector('stage')],
  listAsAny: false,
  panicModeAny: false,
  localityWeightAware: false,
  scaleLocalityWeight: false,
}

const hosts = [
  testHost(0, { subsetLabels: { stage: 'prod', version: '1' } }),
  testHost(1, { subsetLabels: { stage: 'prod', version: '2' } }),
  testHost(2, { subsetLabels: { stage: 'dev', version: ['2', '3'], zone: 'a' } }),
  testHost(3),
]

function balancerOf(overrides: Partial<SubsetConfig> = {}, all: readonly TestHost[] = hosts, maxSubsets = 100) {
  const balancer = new SubsetBalancer<TestHost>(
    { kind: 'round-robin' },
    { ...subsets, ...overrides },
    {
      random: seeded(2),
      now: () => 0,
      maxSubsets,
    },
  )
  balancer.setHosts(all, settings)
  return balancer
}

/** Names of the hosts that a request for these values may get. */
function namesOf(balancer: SubsetBalancer<TestHost>, wanted?: Readonly<Record<string, unknown>>): readonly string[] {
  const group = balancer.select(wanted === undefined ? undefined : createSubsetMatch(wanted))
  const names = new Set(Array.from({ length: 20 }, () => group?.pick()?.name ?? 'none'))
  return [...names].toSorted()
}

describe('select()', () => {
  test.each([
    [{ stage: 'prod', version: '1' }, ['h0']],
    [{ version: '2', stage: 'prod' }, ['h1']],
    [{ stage: 'prod' }, ['h0', 'h1']],
    [{ stage: 'dev' }, ['h2']],
    // A list is a value like any other, unless it is said that it is not.
    [{ stage: 'dev', version: ['2', '3'] }, ['h2']],
    [{ stage: 'dev', version: '2' }, ['none']],
    // Not the keys of a selector.
    [{ version: '1' }, ['none']],
    [{ stage: 'prod', version: '1', zone: 'a' }, ['none']],
    [{ stage: 'test' }, ['none']],
    [undefined, ['none']],
  ])('gives for %j the hosts %p', (wanted, expected) => {
    expect(namesOf(balancerOf(), wanted)).toEqual(expected)
  })

  test('counts a list as each of its values by list_as_any', () => {
    const balancer = balancerOf({ listAsAny: true })
    expect(namesOf(balancer, { stage: 'dev', version: '2' })).toEqual(['h2'])
    expect(namesOf(balancer, { stage: 'dev', version: '3' })).toEqual(['h2'])
  })

  test.each([
    ['any', ['h0', 'h1', 'h2', 'h3']],
    ['default', ['h0', 'h1']],
    ['none', ['none']],
  ] as const)('falls back to %p', (fallback, expected) => {
    const balancer = balancerOf({ fallback })
    expect(namesOf(balancer, { stage: 'test' })).toEqual([...expected])
    expect(namesOf(balancer)).toEqual([...expected])
    // A known answer is the same answer.
    expect(namesOf(balancer, { stage: 'test' })).toEqual([...expected])
  })

  test('asks the selector of these keys for its own fallback first', () => {
    const selectors: SubsetSelector[] = [
      { keys: ['stage', 'version'], fallback: 'keys', fallbackKeys: ['stage'] },
      { keys: ['stage'], fallback: 'default', fallbackKeys: [] },
      { keys: ['version'], fallback: 'none', fallbackKeys: [] },
    ]
    const balancer = balancerOf({ selectors, fallback: 'any' })
    expect(namesOf(balancer, { stage: 'dev', version: '9' })).toEqual(['h2'])
    expect(namesOf(balancer, { stage: 'x', version: '9' })).toEqual(['h0', 'h1'])
    expect(namesOf(balancer, { version: '9' })).toEqual(['none'])
    expect(namesOf(balancer, { zone: '9' })).toEqual(['h0', 'h1', 'h2', 'h3'])
  })

  test('takes any host by panic_mode_any when the fallback has none to give', () => {
    const defaultSubset = createSubsetMatch({ stage: 'nowhere' })
    expect(namesOf(balancerOf({ fallback: 'default', defaultSubset }))).toEqual(['none'])
    const balancer = balancerOf({ fallback: 'default', defaultSubset, panicModeAny: true })
    expect(namesOf(balancer)).toEqual(['h0', 'h1', 'h2', 'h3'])
  })

  test('gives a subset whose hosts are all sick nobody, not the fallback', () => {
    const sick = [testHost(0, { subsetLabels: { stage: 'prod' }, availability: 'unhealthy' }), testHost(1)]
    expect(namesOf(balancerOf({ fallback: 'any' }, sick), { stage: 'prod' })).toEqual(['none'])
  })

  test('follows hosts that come and go', () => {
    const balancer = balancerOf()
    expect(namesOf(balancer, { stage: 'test' })).toEqual(['none'])
    balancer.setHosts([testHost(7, { subsetLabels: { stage: 'test' } })], settings)
    expect(namesOf(balancer, { stage: 'test' })).toEqual(['h7'])
    expect(namesOf(balancer, { stage: 'prod' })).toEqual(['none'])
  })

  test('counts a host once, whatever selectors and lists name it twice', () => {
    const twice = [testHost(0, { subsetLabels: { stage: ['a', 'a'] } }), testHost(1, { subsetLabels: { stage: 'a' } })]
    const balancer = balancerOf({ selectors: [selector('stage'), selector('stage')], listAsAny: true }, twice)
    const group = balancer.select(createSubsetMatch({ stage: 'a' }))
    expect(group?.available).toEqual(twice)
  })

  test('makes no more subsets than it may', () => {
    const many = Array.from({ length: 50 }, (_, index) => testHost(index, { subsetLabels: { stage: `${index}` } }))
    const balancer = balancerOf({}, many, 10)
    const found = many.filter((_, index) => namesOf(balancer, { stage: `${index}` })[0] !== 'none')
    expect(found).toHaveLength(10)
  })
})

test('weights of localities count in a subset by locality_weight_aware, scaled by its share of the locality', () => {
  const placed = [
    testHost(0, { locality: 'a', localityWeight: 3, subsetLabels: { stage: 'prod' } }),
    testHost(1, { locality: 'a', localityWeight: 3 }),
    testHost(2, { locality: 'a', localityWeight: 3 }),
    testHost(3, { locality: 'b', localityWeight: 1, subsetLabels: { stage: 'prod' } }),
  ]
  const share = (overrides: Partial<SubsetConfig>): number => {
    const balancer = balancerOf(overrides)
    balancer.setHosts(placed, { ...settings, locality: { kind: 'weighted' } })
    const group = balancer.select(createSubsetMatch({ stage: 'prod' }))
    return Array.from({ length: 400 }, () => group?.pick()?.name).filter((name) => name === 'h0').length / 400
  }
  expect(share({})).toBeCloseTo(0.5, 2)
  expect(share({ localityWeightAware: true })).toBeCloseTo(0.75, 2)
  expect(share({ localityWeightAware: true, scaleLocalityWeight: true })).toBeCloseTo(0.5, 2)
})
