import type { Clock } from './clock.ts'

/** Who is told when a timer is due. Must not throw. */
export interface TimerOwner {
  /** `tag` is the number given when the timer was made: an owner with several timers tells them apart by it. */
  readonly onTimer: (tag: number) => void
}

/** Wakes the wheel once after `delayMs`; the machine's is {@link systemAlarm}, tests hand in their own. */
export interface Alarm {
  readonly set: (delayMs: number, wake: () => void) => unknown
  readonly clear: (handle: unknown) => void
}

/** The machine's own timer. It does not keep the process alive. */
export const systemAlarm: Alarm = {
  set: (delayMs, wake) => {
    // oxlint-disable-next-line no-restricted-globals -- the one place where the machine's timer is offered to be handed in
    const handle = setTimeout(wake, delayMs)
    handle.unref()
    return handle
  },
  clear: (handle) => {
    if (isTimeout(handle)) clearTimeout(handle)
  },
}

function isTimeout(handle: unknown): handle is NodeJS.Timeout {
  return typeof handle === 'object'
}

const slotBits = 8
const slots = 1 << slotBits
const slotMask = slots - 1
const levels = 4

/** Longest delay in ticks; longer ones are cut to it (with the default tick of 10 ms: 497 days). */
const maxTicks = 2 ** 32 - 1

/**
 * One timer of a wheel, reusable: made once per connection and armed per request. Intrusive list node; its fields
 * belong to the wheel.
 */
export class WheelTimer {
  readonly #wheel: TimerWheel
  /** @internal */
  readonly owner: TimerOwner
  /** @internal */
  readonly tag: number
  /** Tick at which it is due; -1 when not armed. @internal */
  due = -1
  /** Tick of the slot that it hangs in; never later than `due`. @internal */
  placed = -1
  /** @internal */
  level = 0
  /** @internal */
  slot = 0
  /** @internal */
  next: WheelTimer | undefined = undefined
  /** @internal */
  previous: WheelTimer | undefined = undefined

  constructor(wheel: TimerWheel, owner: TimerOwner, tag: number) {
    this.#wheel = wheel
    this.owner = owner
    this.tag = tag
  }

  /** True until it fires or is cancelled. */
  get armed(): boolean {
    return this.due >= 0
  }

  /** (Re)arms it to fire once, not before `delayMs` from `now` and at most about one tick later. `now` is the wheel's monotonic clock. */
  arm(delayMs: number, now?: number): void {
    this.#wheel.arm(this, delayMs, now)
  }

  /** It will not fire. Does nothing when it is not armed. */
  cancel(): void {
    this.#wheel.cancel(this)
  }
}

/** Parts of a wheel. */
export interface TimerWheelOptions {
  readonly clock: Clock
  readonly alarm: Alarm
  /** Resolution; 10 ms by default. */
  readonly tickMs?: number
}

/**
 * A hierarchical timer wheel: arming, re-arming and cancelling cost O(1) and allocate nothing, so that every connection
 * can hold timers for idleness and deadlines. One alarm of the machine serves all; it is set to the next slot that
 * holds a timer, so an idle process hardly wakes. A timer that is re-armed to a later time stays where it hangs and is
 * moved only when its old slot comes up: the common case (an idle timeout pushed back by each request) is one store.
 */
export class TimerWheel {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #tickMs: number
  readonly #start: number
  readonly #heads: (WheelTimer | undefined)[] = Array.from<WheelTimer | undefined>({ length: levels * slots })
  readonly #counts = new Int32Array(levels)
  #size = 0
  /** All ticks up to this one were handled. */
  #tick = 0
  #armedFor = -1
  #handle: unknown = undefined
  #running = false
  readonly #wake = (): void => {
    this.#handle = undefined
    this.#armedFor = -1
    this.advance()
  }

  constructor(options: TimerWheelOptions) {
    this.#clock = options.clock
    this.#alarm = options.alarm
    this.#tickMs = options.tickMs ?? 10
    this.#start = options.clock.monotonic()
  }

  /** Makes a timer, not armed. */
  timer(owner: TimerOwner, tag = 0): WheelTimer {
    return new WheelTimer(this, owner, tag)
  }

  /** Calls back once after `delayMs`: for what happens seldom; a connection keeps a {@link timer} instead. */
  after(delayMs: number, callback: () => void): WheelTimer {
    const timer = new WheelTimer(this, { onTimer: callback }, 0)
    timer.arm(delayMs)
    return timer
  }

  /** Monotonic milliseconds of the wheel's clock. */
  now(): number {
    return this.#clock.monotonic()
  }

  /** @internal Use {@link WheelTimer.arm}. */
  arm(timer: WheelTimer, delayMs: number, now: number = this.#clock.monotonic()): void {
    const ticks = Math.min(Math.max(Math.ceil((now - this.#start + delayMs) / this.#tickMs), 0), maxTicks)
    if (this.#size === 0 && !this.#running) this.#tick = Math.max(this.#tick, this.#ticksAt(now))
    const due = Math.max(ticks, this.#tick + 1)
    if (timer.due >= 0) {
      timer.due = due
      if (timer.placed <= due) return
      this.#unlink(timer)
    }
    timer.due = due
    this.#link(timer)
    if (!this.#running && (this.#armedFor < 0 || timer.placed < this.#armedFor)) this.#setAlarm(timer.placed)
  }

  /** @internal Use {@link WheelTimer.cancel}. */
  cancel(timer: WheelTimer): void {
    if (timer.due < 0) return
    timer.due = -1
    this.#unlink(timer)
  }

  /** Fires what is due by the clock. The alarm calls it; tests with a clock of their own may too. */
  advance(): void {
    const target = this.#ticksAt(this.#clock.monotonic())
    this.#running = true
    while (this.#tick < target) {
      const next = this.#nextTick()
      if (next < 0 || next > target) {
        this.#tick = target
        break
      }
      this.#tick = next
      this.#fireTick(next)
    }
    this.#running = false
    const next = this.#nextTick()
    if (next >= 0 && next !== this.#armedFor) this.#setAlarm(next)
  }

  #ticksAt(now: number): number {
    return Math.floor((now - this.#start) / this.#tickMs)
  }

  #fireTick(tick: number): void {
    for (let level = levels - 1; level >= 0; level -= 1) {
      const shift = level * slotBits
      if (level > 0 && (tick & (2 ** shift - 1)) !== 0) continue
      this.#takeSlot(level, Math.floor(tick / 2 ** shift) & slotMask, tick)
    }
  }

  /** Fires what is due in a slot, and moves the rest to where it belongs. A timer that is armed by a callback goes to a later tick. */
  #takeSlot(level: number, slot: number, tick: number): void {
    for (
      let timer = this.#heads[level * slots + slot];
      timer !== undefined;
      timer = this.#heads[level * slots + slot]
    ) {
      this.#unlink(timer)
      if (timer.due > tick) {
        this.#link(timer)
        continue
      }
      timer.due = -1
      timer.owner.onTimer(timer.tag)
    }
  }

  #link(timer: WheelTimer): void {
    const distance = timer.due - this.#tick
    let level = 0
    while (level < levels - 1 && distance >= 2 ** (slotBits * (level + 1))) level += 1
    const unit = 2 ** (slotBits * level)
    const index = Math.floor(timer.due / unit)
    timer.level = level
    timer.slot = index & slotMask
    timer.placed = index * unit
    const at = level * slots + timer.slot
    const head = this.#heads[at]
    timer.previous = undefined
    timer.next = head
    if (head !== undefined) head.previous = timer
    this.#heads[at] = timer
    this.#counts[level] = (this.#counts[level] ?? 0) + 1
    this.#size += 1
  }

  #unlink(timer: WheelTimer): void {
    if (timer.placed < 0) return
    const { next, previous } = timer
    if (previous === undefined) this.#heads[timer.level * slots + timer.slot] = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    timer.next = undefined
    timer.previous = undefined
    timer.placed = -1
    this.#counts[timer.level] = (this.#counts[timer.level] ?? 0) - 1
    this.#size -= 1
  }

  /** First tick after the current one at which a slot with timers comes up; -1 when there is none. */
  #nextTick(): number {
    let best = -1
    for (let level = 0; level < levels; level += 1) {
      if (this.#counts[level] === 0) continue
      const unit = 2 ** (slotBits * level)
      const current = Math.floor(this.#tick / unit)
      for (let step = 1; step <= slots; step += 1) {
        if (this.#heads[level * slots + ((current + step) & slotMask)] === undefined) continue
        const tick = (current + step) * unit
        if (best < 0 || tick < best) best = tick
        break
      }
    }
    return best
  }

  #setAlarm(tick: number): void {
    if (this.#handle !== undefined) this.#alarm.clear(this.#handle)
    this.#armedFor = tick
    const delay = this.#start + tick * this.#tickMs - this.#clock.monotonic()
    this.#handle = this.#alarm.set(Math.max(Math.ceil(delay), 0), this.#wake)
  }
}
