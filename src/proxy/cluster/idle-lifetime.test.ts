import { expect, test } from 'bun:test'
import { IdleLifetime } from './idle-lifetime.ts'

test('IdleLifetime knows no limit until it was told of a close', () => {
  const lifetime = new IdleLifetime()
  expect(lifetime.limitMs).toBe(Number.POSITIVE_INFINITY)
  lifetime.onAlive(60_000)
  expect(lifetime.limitMs).toBe(Number.POSITIVE_INFINITY)
  lifetime.onClosed(5000)
  expect(lifetime.limitMs).toBe(4000)
})

test('IdleLifetime follows the earliest close at once', () => {
  const lifetime = new IdleLifetime()
  lifetime.onClosed(5000)
  lifetime.onClosed(1000)
  expect(lifetime.limitMs).toBe(800)
})

test('IdleLifetime is raised by what lives longer, to twice its value at most', () => {
  const lifetime = new IdleLifetime()
  lifetime.onClosed(1000)
  lifetime.onAlive(900)
  expect(lifetime.limitMs).toBe(800)
  lifetime.onAlive(60_000)
  expect(lifetime.limitMs).toBe(1600)
  lifetime.onClosed(2500)
  expect(lifetime.limitMs).toBe(2000)
})

test('IdleLifetime forgets a close that came at once within a few requests', () => {
  const lifetime = new IdleLifetime()
  lifetime.onClosed(0)
  let steps = 0
  for (; lifetime.limitMs < 4000; steps += 1) lifetime.onAlive(60_000)
  expect(steps).toBeLessThan(15)
})

test('IdleLifetime honours what the endpoint says, and the earlier of both', () => {
  const lifetime = new IdleLifetime()
  lifetime.onAnnounced(5000)
  expect(lifetime.limitMs).toBe(4000)
  lifetime.onClosed(1000)
  expect(lifetime.limitMs).toBe(800)
  for (let step = 0; step < 9; step += 1) lifetime.onAlive(60_000)
  expect(lifetime.limitMs).toBe(4000)
  lifetime.onAnnounced(10_000)
  expect(lifetime.limitMs).toBe(8000)
})
