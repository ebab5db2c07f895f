import { expect, test } from 'bun:test'
import { simulate, simulatedBalancers, type SimulationResult } from './balance-simulation.ts'

const size = { picks: 10_000, requests: 20_000, seed: 1 }
const results = new Map(simulatedBalancers.map((balancer) => [balancer.name, simulate(balancer, size)]))

function resultOf(name: string): SimulationResult {
  const result = results.get(name)
  if (result === undefined) throw new Error(`Expected a balancer ${name}`)
  return result
}

test('simulate() gives the same numbers for the same seed, and others for another', () => {
  for (const balancer of simulatedBalancers) {
    expect(simulate(balancer, size)).toEqual(resultOf(balancer.name))
    expect(simulate(balancer, { ...size, seed: 2 }).even).not.toEqual(resultOf(balancer.name).even)
  }
})

test.each([
  ['round robin', 0.2, 0.2],
  ['random', 0.5, 3],
  ['least request', 10, 0.2],
  ['peak EWMA', 10, 10],
  ['ring hash', 30, 30],
  ['Maglev', 12, 12],
])('%s spreads within %p %% of equal weights and %p %% of unequal ones', (name, equal, weighted) => {
  const { shares } = resultOf(name)
  expect(shares.equalPercent).toBeLessThan(equal)
  expect(shares.weightedPercent).toBeLessThan(weighted)
})

test.each([
  ['ring hash', 10],
  ['Maglev', 2],
])('%s moves at most %p %% of the keys whose host stays', (name, bound) => {
  const { disruption } = resultOf(name)
  expect(disruption.removedPercent).toBeLessThan(bound)
  expect(disruption.addedPercent).toBeLessThan(bound)
})

test('balancers without a hash move nearly all keys', () => {
  for (const name of ['round robin', 'random', 'least request', 'peak EWMA'])
    expect(resultOf(name).disruption.removedPercent).toBeGreaterThan(70)
})

test('with all hosts alike, no balancer has a tail much longer than another', () => {
  const tails = [...results.values()].map(({ even }) => even.p99)
  expect(Math.max(...tails) / Math.min(...tails)).toBeLessThan(1.2)
})

test('with one slow host, balancers that look at load avoid it, and peak EWMA does so best', () => {
  const tail = (name: string): number => resultOf(name).oneSlow.p99
  expect(resultOf('round robin').oneSlow.slowPercent).toBeCloseTo(10, 1)
  expect(resultOf('least request').oneSlow.slowPercent).toBeLessThan(3)
  expect(resultOf('peak EWMA').oneSlow.slowPercent).toBeLessThan(1)
  expect(tail('least request')).toBeLessThan(tail('round robin') / 20)
  expect(tail('peak EWMA')).toBeLessThan(tail('least request'))
  // As good as if the slow host were not there.
  expect(tail('peak EWMA')).toBeLessThan(1.2 * resultOf('peak EWMA').even.p99)
})
