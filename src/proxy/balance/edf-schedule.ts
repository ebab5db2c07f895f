/** An item with the virtual time at which its next turn is due. */
interface Turn<Item> {
  readonly item: Item
  due: number
  /** Breaks ties, so that items of one weight alternate in order. */
  order: number
}

/**
 * Weighted turns, earliest deadline first, as Envoy does it: an item of weight 3 gets three turns, spread out, for each
 * one of an item of weight 1. A weight is asked for when the item was given a turn, so weights may change all the time.
 */
export class EdfSchedule<Item> {
  readonly #weightOf: (item: Item) => number
  #heap: Turn<Item>[] = []
  #order = 0

  /** @param weightOf Above 0. */
  constructor(weightOf: (item: Item) => number) {
    this.#weightOf = weightOf
  }

  get isEmpty(): boolean {
    return this.#heap.length === 0
  }

  /** Replaces the items. @param random Uniform in [0, 1); decides where the turns start. */
  setItems(items: readonly Item[], random: () => number): void {
    this.#heap = items.map((item) => ({ item, due: random() / this.#weightOf(item), order: (this.#order += 1) }))
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index -= 1) siftDown(this.#heap, index)
  }

  /** Whose turn it is. O(log items). */
  next(): Item | undefined {
    const [turn] = this.#heap
    if (turn === undefined) return undefined
    turn.due += 1 / this.#weightOf(turn.item)
    turn.order = this.#order += 1
    siftDown(this.#heap, 0)
    return turn.item
  }
}

/** Restores the heap after the turn at `index` was put off. */
function siftDown<Item>(heap: Turn<Item>[], index: number): void {
  const turn = heap[index]
  if (turn === undefined) return
  let at = index
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    const child = right !== undefined && left !== undefined && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1
    const smallest = heap[child]
    if (smallest === undefined || !isBefore(smallest, turn)) break
    heap[at] = smallest
    at = child
  }
  heap[at] = turn
}

function isBefore<Item>(one: Turn<Item>, other: Turn<Item>): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order)
}
