import type { BalancedHost, Balancer } from './balancer.ts'

/** A host with the virtual time at which its next turn is due. */
interface Turn<Host> {
  readonly host: Host
  readonly step: number
  due: number
  /** Breaks ties, so that hosts of one weight alternate in order. */
  order: number
}

/**
 * Weighted round robin: earliest deadline first, as Envoy does it. Equal weights are served in turn; a host of weight 3
 * gets three turns, spread out, for each one of a host of weight 1.
 *
 * @param random Uniform in [0, 1); decides where the round starts.
 */
export function createRoundRobin<Host extends BalancedHost>(random: () => number): Balancer<Host> {
  let ring: readonly Host[] = []
  let next = 0
  let heap: Turn<Host>[] = []
  let order = 0
  return {
    setHosts(hosts) {
      ring = hosts
      heap = []
      next = Math.floor(random() * hosts.length)
      const weight = hosts[0]?.weight
      if (hosts.every((host) => host.weight === weight)) return
      for (const host of hosts) {
        const step = 1 / host.weight
        heap.push({ host, step, due: random() * step, order: (order += 1) })
      }
      for (let index = (heap.length >> 1) - 1; index >= 0; index -= 1) siftDown(heap, index)
    },
    pick() {
      if (heap.length === 0) {
        const host = ring[next]
        next = next + 1 >= ring.length ? 0 : next + 1
        return host
      }
      const [turn] = heap
      if (turn === undefined) return undefined
      turn.due += turn.step
      turn.order = order += 1
      siftDown(heap, 0)
      return turn.host
    },
  }
}

/** Restores the heap after the turn at `index` was put off. */
function siftDown<Host>(heap: Turn<Host>[], index: number): void {
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

function isBefore<Host>(one: Turn<Host>, other: Turn<Host>): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order)
}
