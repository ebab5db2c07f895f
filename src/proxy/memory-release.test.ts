import { expect, test } from 'bun:test'
import { waitUntil } from '../../test/harness/wait-until.ts'
import { startMemoryRelease } from './memory-release.ts'

/** A process whose CPU time grows from look to look as `used` says; the last one goes on. */
function watched(used: readonly number[], isReady: () => boolean = () => true) {
  const log: string[] = []
  let looks = -1
  let total = 0
  const note = (what: string) => () => void log.push(`${looks} ${what}`)
  // Read once at the start, once per look, and once after a release, which costs nothing here.
  let isAfterRelease = false
  const running = startMemoryRelease({
    checkMs: 5,
    isReady,
    cpuMs: () => {
      if (isAfterRelease) {
        isAfterRelease = false
        return total
      }
      if (looks >= 0) total += used[Math.min(looks, used.length - 1)] ?? 0
      looks += 1
      return total
    },
    release: {
      afterStart: () => {
        isAfterRelease = true
        note('start')()
      },
      all: () => {
        isAfterRelease = true
        note('all')()
      },
      codePages: () => {
        isAfterRelease = true
        note('pages')()
      },
    },
  })
  return { log, running, looks: () => looks }
}

test('startMemoryRelease() gives back after the start, once more, and then only after work', async () => {
  const { log, running, looks } = watched([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 300, 0])
  using _ = running
  await waitUntil('thirty looks', () => looks() >= 30)
  expect(log).toEqual(['1 start', '6 all', '17 all'])
})

test('startMemoryRelease() waits until the proxy serves', async () => {
  let ready = false
  const { log, running, looks } = watched([0], () => ready)
  using _ = running
  await waitUntil('some looks', () => looks() >= 5)
  expect(log).toEqual([])
  ready = true
  await waitUntil('given back', () => log.length > 0)
})

test('startMemoryRelease() does nothing under load, and only gives back code pages under a light one', async () => {
  // 5 ms between looks: 4 ms are a busy process, 0.2 ms a lightly used one.
  const busy = watched([4])
  using _ = busy.running
  await waitUntil('fifty looks', () => busy.looks() >= 50)
  expect(busy.log).toEqual([])
  const light = watched([0, 0, 0, 0, 0, 0, 300, 0.2])
  using __ = light.running
  await waitUntil('fifty looks', () => light.looks() >= 50)
  expect(light.log).toEqual(['1 start', '6 all', '36 pages'])
})
