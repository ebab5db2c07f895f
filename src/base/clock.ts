/** Where time comes from; tests hand in a clock of their own. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** Monotonic time in milliseconds with a fractional part; only differences mean anything. */
  readonly monotonic: () => number
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  // oxlint-disable-next-line no-restricted-properties -- the one place where the machine's clock is offered to be handed in
  now: () => Date.now(),
  // oxlint-disable-next-line no-restricted-properties -- as above
  monotonic: () => performance.now(),
}
