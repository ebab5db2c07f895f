import { expect, test } from 'bun:test'
import { keepRunning } from './restarting-process.ts'
import { waitUntil } from './wait-until.ts'

const sleeper = () => Promise.resolve(Bun.spawn(['sleep', '60']))

test('keepRunning() starts a killed process again at once and stops it for good', async () => {
  const ends: string[] = []
  const running = await keepRunning({
    start: sleeper,
    onEnd: (how, restartInMs) => void ends.push(`${how} ${restartInMs}`),
  })
  const first = running.pid() ?? 0
  process.kill(first, 'SIGKILL')
  expect(await waitUntil(() => Promise.resolve(running.pid() !== first), { timeoutMs: 2_000 })).toBe(true)
  expect(ends).toEqual(['SIGKILL 0'])
  const second = running.pid() ?? 0
  await running.stop(1_000)
  expect(() => process.kill(second, 0)).toThrow()
  await running.stop(1_000)
})

test('keepRunning() kills a process that does not mind SIGTERM', async () => {
  const child = Bun.spawn(['sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'], { stdout: 'pipe' })
  await child.stdout.getReader().read()
  const running = await keepRunning({ start: () => Promise.resolve(child), onEnd: () => {} })
  await running.stop(50)
  expect(child.signalCode).toBe('SIGKILL')
})

test('keepRunning() waits longer and longer when the process goes on ending', async () => {
  const pauses: number[] = []
  const running = await keepRunning({
    start: () => Promise.resolve(Bun.spawn(['false'])),
    onEnd: (_, restartInMs) => void pauses.push(restartInMs),
  })
  expect(await waitUntil(() => Promise.resolve(pauses.length >= 3), { timeoutMs: 3_000 })).toBe(true)
  await running.stop(1_000)
  expect(pauses.slice(0, 3)).toEqual([0, 100, 200])
})

test('keepRunning() follows a replacement that is ready, and does not restart the one before', async () => {
  const ends: string[] = []
  const running = await keepRunning({ start: sleeper, onEnd: (how) => void ends.push(how) })
  const first = running.pid() ?? 0
  const isReady = () => {
    // Ends before its successor's readiness is known, as a proxy without connections does.
    process.kill(first, 'SIGTERM')
    return new Promise<boolean>((resolve) => setImmediate(() => resolve(true)))
  }
  expect(await running.replace({ start: sleeper, isReady })).toBe(true)
  const second = running.pid() ?? 0
  expect(second).not.toBe(first)
  process.kill(second, 'SIGKILL')
  expect(await waitUntil(() => Promise.resolve(running.pid() !== second), { timeoutMs: 2_000 })).toBe(true)
  expect(ends).toEqual(['SIGKILL'])
  await running.stop(1_000)
})

test('keepRunning() keeps its process when the replacement ends before it is ready', async () => {
  const running = await keepRunning({ start: sleeper, onEnd: () => {} })
  const first = running.pid()
  const isReady = (_: number, signal: AbortSignal) =>
    waitUntil(() => Promise.resolve(false), { timeoutMs: 10_000, signal })
  const start = () => Promise.resolve(Bun.spawn(['false']))
  expect(await running.replace({ start, isReady })).toBe(false)
  expect(running.pid()).toBe(first)
  await running.stop(1_000)
})
