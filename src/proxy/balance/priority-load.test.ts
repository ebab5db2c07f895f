import { describe, expect, test } from 'bun:test'
import { distributeLoad, type LevelHealth } from './priority-load.ts'

const settings = { overprovisioningFactor: 140, panicThreshold: 50 }

/** Levels of 100 hosts of which so many are healthy. */
function levels(...healthy: number[]): LevelHealth[] {
  return healthy.map((count) => ({ total: 100, healthy: count, degraded: 0 }))
}

describe('distributeLoad()', () => {
  // The tables of Envoy's manual, "Priority levels".
  test.each([
    [
      [100, 100],
      [100, 0],
    ],
    [
      [72, 72],
      [100, 0],
    ],
    [
      [71, 71],
      [99, 1],
    ],
    [
      [50, 60],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [25, 25],
      [50, 50],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [72, 72, 100],
      [100, 0, 0],
    ],
    [
      [71, 71, 100],
      [99, 1, 0],
    ],
    [
      [50, 60, 100],
      [70, 30, 0],
    ],
    [
      [25, 25, 100],
      [35, 35, 30],
    ],
    // The manual says 36, 36, 28; Envoy gives what rounding leaves to the first.
    [
      [25, 25, 20],
      [37, 35, 28],
    ],
  ])('spreads priorities of %p %% healthy hosts as %p', (healthy, expected) => {
    const { healthy: shares, degraded } = distributeLoad(levels(...healthy), { ...settings, panicThreshold: 0 })
    expect(shares).toEqual(expected)
    expect(degraded.every((share) => share === 0)).toBe(true)
  })

  test.each([
    [
      [72, 72],
      [false, false],
    ],
    [
      [50, 60],
      [false, false],
    ],
    [
      [25, 100],
      [false, false],
    ],
    [
      [25, 25],
      [true, true],
    ],
    [
      [5, 65],
      [true, false],
    ],
    [
      [0, 0],
      [true, true],
    ],
  ])('with priorities of %p %% healthy hosts, panic is %p', (healthy, expected) => {
    expect(distributeLoad(levels(...healthy), settings).panic).toEqual(expected)
  })

  test('all in panic: shares are those of all hosts, sick or not', () => {
    const sick = [
      { total: 30, healthy: 5, degraded: 0 },
      { total: 60, healthy: 0, degraded: 5 },
      { total: 0, healthy: 0, degraded: 0 },
    ]
    const { healthy, degraded, panic } = distributeLoad(sick, settings)
    expect({ healthy, degraded, panic }).toEqual({
      healthy: [34, 66, 0],
      degraded: [0, 0, 0],
      panic: [true, true, true],
    })
  })

  test('excluded hosts count in nothing but the shares of a panic', () => {
    const levels = [
      { total: 2, healthy: 2, degraded: 0, excluded: 8 },
      { total: 1, healthy: 1, degraded: 0 },
    ]
    expect(distributeLoad(levels, settings).healthy).toEqual([100, 0])
    const sick = levels.map((level) => ({ ...level, healthy: 0 }))
    expect(distributeLoad(sick, settings).healthy).toEqual([91, 9])
  })

  test('degraded hosts take what healthy ones of all priorities leave', () => {
    const sick = [
      { total: 100, healthy: 10, degraded: 20 },
      { total: 100, healthy: 20, degraded: 10 },
      { total: 100, healthy: 10, degraded: 0 },
    ]
    const { healthy, degraded } = distributeLoad(sick, { overprovisioningFactor: 100, panicThreshold: 0 })
    expect({ healthy, degraded }).toEqual({ healthy: [16, 28, 14], degraded: [28, 14, 0] })
  })

  test('with nobody and no panic, the first priority has all the load and nobody to serve it', () => {
    expect(distributeLoad(levels(0, 0), { ...settings, panicThreshold: 0 })).toEqual({
      healthy: [100, 0],
      degraded: [0, 0],
      panic: [false, false],
    })
    expect(distributeLoad([{ total: 0, healthy: 0, degraded: 0 }], settings).healthy).toEqual([100])
  })

  test('shares make 100 whatever the health', () => {
    for (let one = 0; one <= 100; one += 7) {
      for (let other = 0; other <= 100; other += 9) {
        for (const panicThreshold of [0, 50, 100]) {
          const mixed = [
            { total: 100, healthy: one, degraded: Math.floor((100 - one) / 3) },
            { total: 70, healthy: Math.floor(other * 0.7), degraded: 0 },
          ]
          const { healthy, degraded } = distributeLoad(mixed, { overprovisioningFactor: 133, panicThreshold })
          expect([...healthy, ...degraded].reduce((sum, share) => sum + share, 0)).toBe(100)
        }
      }
    }
  })
})
