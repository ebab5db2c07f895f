/** What can be drained: a listener. */
export interface Drainable {
  readonly connections: number
  readonly activeRequests: number
  /** Stops accepting, ends politely, cuts what is left after `timeoutMs`; idle connections are closed after `idleMs`. */
  readonly drain: (timeoutMs: number, idleMs?: number) => Promise<void>
}

/** The listeners that are on their way out. */
export interface DrainGroup<Item extends Drainable> {
  /** Starts to drain one and forgets it when it is empty. */
  readonly begin: (item: Item, timeoutMs: number, idleMs?: number) => Promise<void>
  readonly items: () => readonly Item[]
  /** Resolves when nothing is draining. */
  readonly whenEmpty: () => Promise<void>
}

/**
 * Keeps what drains until it is done: a removed listener stops accepting at once, its HTTP connections are told to close
 * (`Connection: close` on the next response, idle ones at once), running requests and byte streams get the time, then
 * the rest is cut.
 */
export function createDrainGroup<Item extends Drainable>(): DrainGroup<Item> {
  const running = new Map<Item, Promise<void>>()
  return {
    begin(item, timeoutMs, idleMs) {
      const known = running.get(item)
      if (known !== undefined) return known
      const done = item.drain(timeoutMs, idleMs).finally(() => running.delete(item))
      running.set(item, done)
      return done
    },
    items: () => [...running.keys()],
    async whenEmpty() {
      await Promise.allSettled(running.values())
    },
  }
}
