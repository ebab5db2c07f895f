/** What the subscriptions of one type are changed through. */
export interface NameSubscriber {
  readonly subscribe: (names: readonly string[]) => void
  readonly unsubscribe: (names: readonly string[]) => void
}

/** Keeps the subscription of one type equal to the names that the configuration needs. */
export class NeededNames {
  readonly #subscriber: NameSubscriber
  #names: ReadonlySet<string> = new Set()

  constructor(subscriber: NameSubscriber) {
    this.#subscriber = subscriber
  }

  /** Subscribes to what is new and answers what is no longer needed, after unsubscribing it. */
  update(needed: ReadonlySet<string>): readonly string[] {
    const added = [...needed].filter((name) => !this.#names.has(name))
    const dropped = [...this.#names].filter((name) => !needed.has(name))
    this.#names = needed
    if (added.length > 0) this.#subscriber.subscribe(added)
    if (dropped.length > 0) this.#subscriber.unsubscribe(dropped)
    return dropped
  }
}
