import { expect, test } from 'bun:test'

import { createStratifiedRandom } from './stratified-random.ts'

/** Independent draws from a fixed seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

test('createStratifiedRandom() gives every twentieth of the interval once in each block of 20', () => {
  const draw = createStratifiedRandom(seeded(1))
  for (let block = 0; block < 50; block += 1) {
    const seen = Array.from({ length: 20 }, () => Math.floor(draw() * 20))
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index))
  }
})

test('createStratifiedRandom() keeps the order random: no block repeats another', () => {
  const draw = createStratifiedRandom(seeded(2))
  const blocks = Array.from({ length: 100 }, () => Array.from({ length: 20 }, () => Math.floor(draw() * 20)).join())
  expect(new Set(blocks).size).toBe(100)
})

test('createStratifiedRandom() is uniform at every place of a block', () => {
  const draw = createStratifiedRandom(seeded(3))
  const low = Array.from({ length: 20 }, () => 0)
  for (let index = 0; index < 40_000; index += 1) if (draw() < 0.5) low[index % 20] = (low[index % 20] ?? 0) + 1
  for (const count of low) expect(Math.abs(count - 1000)).toBeLessThan(120)
})

test('createStratifiedRandom() holds a share of 80 % within 0.1 % over 2,000 draws', () => {
  const draw = createStratifiedRandom(seeded(4))
  let hits = 0
  for (let index = 0; index < 2000; index += 1) if (draw() < 0.8) hits += 1
  expect(Math.abs(hits - 1600)).toBeLessThanOrEqual(2)
})
