import { expect, test } from 'bun:test'
import { Succession } from './successor.ts'

function setUp(refusal?: string) {
  const log: string[] = []
  const started: PromiseWithResolvers<number>[] = []
  let taken = 0
  const succession = new Succession({
    start: (env) => {
      expect(env).toEqual({ WEFT_ENV_HANDOVER: '/tmp/handover' })
      const exited = Promise.withResolvers<number>()
      started.push(exited)
      return { pid: 100 + started.length, exited: exited.promise }
    },
    path: '/tmp/handover',
    refusal,
    onReady: () => (taken += 1),
    log: (text) => void log.push(text),
  })
  return { log, started, succession, taken: () => taken }
}

test('Succession hands over once, when the successor is ready', () => {
  const { log, started, succession, taken } = setUp()
  succession.begin()
  succession.begin()
  expect(started).toHaveLength(1)
  expect(taken()).toBe(0)
  succession.onReady(101)
  succession.onReady(101)
  expect(taken()).toBe(1)
  expect(succession.isOver).toBe(true)
  succession.begin()
  expect(log).toEqual([
    'Hot restart: process 101 starts',
    'Process 101 is being started already',
    'Process 101 serves in place of this one',
    'No hot restart: this process has a successor already',
  ])
})

test('Succession goes on after a failure, tells its reason once, and may be tried again', async () => {
  const { log, started, succession, taken } = setUp()
  succession.begin()
  succession.onFailed(101, 'The bootstrap is refused')
  started[0]?.resolve(1)
  await started[0]?.promise
  succession.begin()
  started[1]?.resolve(137)
  await started[1]?.promise
  await Promise.resolve()
  expect(taken()).toBe(0)
  expect(log).toEqual([
    'Hot restart: process 101 starts',
    'Hot restart failed, this process goes on: process 101 was not ready: The bootstrap is refused',
    'Hot restart: process 102 starts',
    'Hot restart failed, this process goes on: process 102 was not ready: it ended with exit code 137',
  ])
})

test('Succession starts nothing where a supervisor does, and still hands over to what that started', () => {
  const { log, started, succession, taken } = setUp('process 7 supervises this one; send SIGUSR2 to it')
  succession.begin()
  expect(started).toHaveLength(0)
  expect(log).toEqual(['No hot restart: process 7 supervises this one; send SIGUSR2 to it'])
  succession.onReady(55)
  expect(taken()).toBe(1)
})
