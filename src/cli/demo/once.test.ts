import { describe, expect, test } from 'bun:test'
import { palette } from '../output/terminal.ts'
import type { EdgeTable } from './edge-counts.ts'
import { judge, type Observation, renderOutcome } from './once.ts'

function observations(v1 = 800, change: (observation: Observation, index: number) => Observation = (same) => same) {
  return Array.from({ length: 1_000 }, (_, index): Observation => {
    const version = index < v1 ? 'v1' : 'v3'
    const user = index % 5 === 0 ? 'jason' : ''
    const ratings = version === 'v1' ? 'none' : user === 'jason' ? 'failed' : 'stars'
    return change({ kind: 'reviews', user, status: 200, version, ratings, error: '' }, index)
  })
}

function counted(requests = 1_000): EdgeTable {
  return new Map([
    ['k', { source: 'traffic-v1', destination: 'reviews', version: 'v1', requests, good: requests, buckets: [] }],
  ])
}

describe('judge()', () => {
  test('judge() finds nothing wrong when shares and faults are as configured', () => {
    expect(judge(observations(), counted()).faults).toEqual([])
    expect(judge(observations(835), counted()).faults).toEqual([])
  })

  test.each([
    ['shares are off', observations(850), counted(), 'all -> reviews v1'],
    [
      'the abort is not seen',
      observations(800, (seen) => (seen.ratings === 'failed' ? { ...seen, ratings: 'stars' } : seen)),
      counted(),
      'jason',
    ],
    [
      'others are affected',
      observations(800, (seen, index) => (index === 999 ? { ...seen, ratings: 'failed' } : seen)),
      counted(),
      'everybody else',
    ],
    [
      'a request fails',
      observations(800, (seen, index) => (index === 3 ? { ...seen, status: 503, error: 'no route' } : seen)),
      counted(),
      '1 of 1000 requests failed',
    ],
    [
      'a version without a share answers',
      observations(800, (seen, index) => (index === 4 ? { ...seen, version: 'v2' } : seen)),
      counted(),
      'answered by v2',
    ],
    ['the metrics do not add up', observations(), counted(990), 'counted 990'],
    ['requests are missing', observations().slice(1), counted(999), 'sent 999'],
  ])('judge() says why when %s', (_, seen, edges, text) => {
    const outcome = judge(seen, edges)
    expect(outcome.faults.join('\n')).toContain(text)
    expect(renderOutcome(outcome, palette(false))).toContain('failed: ')
  })
})
