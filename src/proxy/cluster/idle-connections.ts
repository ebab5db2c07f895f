import type { Clock } from '../../base/index.ts'
import type { DeliveryProbe, SocketOwner, StreamSocket } from '../../net/index.ts'
import { IdleLifetime } from './idle-lifetime.ts'

/**
 * A connection that has been idle for so many ms is looked at before it is used. Servers close after seconds; under load none is looked at, and the look
 * costs a system call.
 */
const lookAfterMs = 50

/** What a stack of idle connections is made of. */
export interface IdleConnectionsParts {
  readonly clock: Clock
  readonly delivery: DeliveryProbe | undefined
  /** Owner of connections while they idle. */
  readonly owner: SocketOwner
  /** Closes a connection that is in the stack no more. */
  readonly close: (socket: StreamSocket) => void
}

/**
 * The idle connections of one endpoint. Last in, first out: the warmest connection is used again, and what is not needed grows cold. None is given out
 * that the endpoint has closed already, as far as the kernel knows, or that it is about to close, as far as was learned.
 */
export class IdleConnections {
  readonly lifetime = new IdleLifetime()
  readonly #parts: IdleConnectionsParts
  /** Connections, who used each last, and since when (monotonic ms): three stacks in step, so that giving back allocates nothing. */
  readonly #sockets: StreamSocket[] = []
  readonly #owners: SocketOwner[] = []
  readonly #since: number[] = []

  constructor(parts: IdleConnectionsParts) {
    this.#parts = parts
  }

  get length(): number {
    return this.#sockets.length
  }

  /** When the coldest began to idle; undefined when there is none. */
  get coldestSince(): number | undefined {
    return this.#since[0]
  }

  /**
   * The warmest that can be used; its owner is again who used it last. With `scout` the coldest of those that cannot be used any more stays, to
   * show how long the endpoint really keeps it.
   */
  take(scout: boolean): StreamSocket | undefined {
    const { clock, delivery, close } = this.#parts
    while (this.#sockets.length > 0) {
      const top = this.#sockets.length - 1
      const age = clock.monotonic() - (this.#since[top] ?? 0)
      if (age >= this.lifetime.limitMs) {
        this.#giveUpExpired(scout)
        return undefined
      }
      const socket = this.#sockets.pop()
      const owner = this.#owners.pop()
      this.#since.pop()
      if (socket === undefined || owner === undefined) return undefined
      if (age < lookAfterMs || delivery === undefined || delivery.isQuiet(socket)) {
        socket.data = owner
        return socket
      }
      if (top === 0) this.lifetime.onClosed(age)
      close(socket)
    }
    return undefined
  }

  put(socket: StreamSocket): void {
    this.#sockets.push(socket)
    this.#owners.push(socket.data)
    this.#since.push(this.#parts.clock.monotonic())
    socket.data = this.#parts.owner
  }

  /** The endpoint closed it, or spoke out of turn. */
  onLost(socket: StreamSocket): void {
    const index = this.#sockets.indexOf(socket)
    if (index < 0) return
    // A time-out of the endpoint would have met a colder one first.
    if (index === 0) this.lifetime.onClosed(this.#parts.clock.monotonic() - (this.#since[0] ?? 0))
    this.#sockets.splice(index, 1)
    this.#owners.splice(index, 1)
    this.#since.splice(index, 1)
  }

  /** Closes those that have idled for at least so long. */
  closeOlder(ageMs: number): void {
    const now = this.#parts.clock.monotonic()
    const kept = this.#since.findIndex((since) => now - since < ageMs)
    this.#closeColdest(0, kept < 0 ? this.#since.length : kept)
  }

  closeAll(): void {
    this.#closeColdest(0, this.#sockets.length)
  }

  /** Even the warmest is too cold. */
  #giveUpExpired(scout: boolean): void {
    const age = this.#parts.clock.monotonic() - (this.#since[0] ?? 0)
    const [coldest] = this.#sockets
    if (coldest !== undefined && this.#parts.delivery?.isQuiet(coldest) === true) this.lifetime.onAlive(age)
    const kept = scout ? 1 : 0
    this.#closeColdest(kept, this.#sockets.length - kept)
  }

  #closeColdest(from: number, count: number): void {
    this.#owners.splice(from, count)
    this.#since.splice(from, count)
    for (const socket of this.#sockets.splice(from, count)) this.#parts.close(socket)
  }
}
