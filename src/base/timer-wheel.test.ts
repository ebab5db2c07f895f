import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'

import { type Alarm, TimerWheel } from './index.ts'

/** A clock and alarm that move only when told. */
function manualTime(): {
  readonly alarm: Alarm
  readonly clock: { now: () => number; monotonic: () => number }
  readonly run: (ms: number) => number
} {
  let time = 1000.5
  let pending: { at: number; wake: () => void } | undefined
  return {
    clock: { now: () => time, monotonic: () => time },
    alarm: {
      set: (delayMs, wake) => (pending = { at: time + delayMs, wake }),
      clear: () => (pending = undefined),
    },
    run: (ms) => {
      const end = time + ms
      let wakes = 0
      while (pending !== undefined && pending.at <= end) {
        const { at, wake } = pending
        pending = undefined
        time = Math.max(time, at)
        wakes += 1
        wake()
      }
      time = end
      return wakes
    },
  }
}

describe('TimerWheel', () => {
  test('fires every timer once, never early and at most two ticks late', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5_000_000), fc.nat(100_000)), { maxLength: 40 }), (delays) => {
        const time = manualTime()
        const wheel = new TimerWheel({ clock: time.clock, alarm: time.alarm })
        const fired: number[] = []
        for (const [delay, pause] of delays) {
          const due = wheel.now() + delay
          wheel.after(delay, () => {
            const late = wheel.now() - due
            expect(late).toBeGreaterThanOrEqual(0)
            expect(late).toBeLessThanOrEqual(20)
            fired.push(due)
          })
          time.run(pause)
        }
        time.run(6_000_000)
        expect(fired.length).toBe(delays.length)
      }),
      { numRuns: 200 },
    )
  })

  test('arm() to a later time postpones, and to an earlier time hastens', () => {
    const time = manualTime()
    const wheel = new TimerWheel({ clock: time.clock, alarm: time.alarm })
    const fired: number[] = []
    const timer = wheel.timer({ onTimer: (tag) => fired.push(tag) }, 7)
    timer.arm(100)
    for (let round = 0; round < 50; round += 1) {
      time.run(50)
      timer.arm(100)
    }
    expect(fired).toEqual([])
    timer.arm(3_600_000)
    time.run(60_000)
    expect(fired).toEqual([])
    timer.arm(30)
    time.run(50)
    expect(fired).toEqual([7])
    expect(timer.armed).toBe(false)
    time.run(10_000_000)
    expect(fired).toEqual([7])
  })

  test('cancel() prevents firing, also from inside a callback of the same tick', () => {
    const time = manualTime()
    const wheel = new TimerWheel({ clock: time.clock, alarm: time.alarm })
    let fired = 0
    const timers = [0, 1].map(() =>
      wheel.timer({
        onTimer: () => {
          fired += 1
          for (const other of timers) other.cancel()
        },
      }),
    )
    for (const timer of timers) timer.arm(40)
    time.run(1000)
    expect(fired).toBe(1)
  })

  test('an hour of one idle timer wakes the machine a handful of times', () => {
    const time = manualTime()
    const wheel = new TimerWheel({ clock: time.clock, alarm: time.alarm })
    wheel.timer({ onTimer: () => {} }).arm(3_600_000)
    expect(time.run(3_600_100)).toBeLessThan(6)
  })
})
