import { expect, test } from 'bun:test'
import { createBulkMover } from './bulk-mover.ts'
import { NetLimits } from './limits.ts'
import { until } from './sockets.fixture.ts'
import type { SplicePipe } from './splice-pipe.ts'

const noPipe: SplicePipe = { move: () => 'empty', moved: 0, leftover: undefined }

test('createBulkMover() opens one pipe, with the first stream, and takes no stream without one', () => {
  let opened = 0
  const mover = createBulkMover(() => {
    opened += 1
    return undefined
  })
  expect(opened).toBe(0)
  const stream = { moveBulk: () => true }
  expect([mover.add(stream), mover.add(stream), opened]).toEqual([false, false, 1])
})

test('a stream is asked each turn until it has no more, once however often it was added', async () => {
  const mover = createBulkMover(() => noPipe)
  let [one, other] = [0, 0]
  const short = { moveBulk: () => (one += 1) < 3 }
  const long = { moveBulk: () => (other += 1) < 5 }
  mover.add(short)
  mover.add(short)
  mover.add(long)
  expect([one, other]).toEqual([0, 0])
  await until(() => other === 5, 'the last turn')
  expect(one).toBe(3)
  mover.add(short)
  await until(() => one === 4, 'another turn')
})

test('streams share what may be moved in a turn, each with a least', async () => {
  const mover = createBulkMover(() => noPipe)
  const limits: number[] = []
  const stream = () => ({
    moveBulk(_pipe: SplicePipe, limit: number) {
      limits.push(limit)
      return false
    },
  })
  for (let index = 0; index < 4; index += 1) mover.add(stream())
  await until(() => limits.length === 4, 'a turn')
  expect(new Set(limits)).toEqual(new Set([NetLimits.bulkBytesPerTurn / 4]))
  for (let index = 0; index < 1000; index += 1) mover.add(stream())
  await until(() => limits.length === 1004, 'all turns')
  expect(Math.min(...limits)).toBe(NetLimits.bulkBytesLeast)
})

test('a turn moves no more than its bound, and those that got nothing are first in the next', async () => {
  const mover = createBulkMover(() => noPipe)
  const count = 100
  const most = NetLimits.bulkBytesPerTurn / NetLimits.bulkBytesLeast
  const asked: number[] = []
  for (let index = 0; index < count; index += 1)
    mover.add({
      moveBulk() {
        asked.push(index)
        return asked.length < 3 * count
      },
    })
  let turns = 0
  while (asked.length < 2 * count) {
    const before = asked.length
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked.length - before).toBeLessThanOrEqual(most)
    turns += 1
  }
  expect(turns).toBeGreaterThan(count / most)
  expect(asked.slice(0, 2 * count)).toEqual(Array.from({ length: 2 * count }, (_, index) => index % count))
})
