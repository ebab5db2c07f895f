import type { StreamSocket } from '../../net/index.ts'
import type { ConnectOutcome } from './contract.ts'
import type { MultiplexedConnection } from './multiplexed-connection.ts'

/** Who waits for a connection. */
export interface PendingRequest {
  /**
   * A connection is there, and the wait is over. False: it is not taken after all and goes to the next in line.
   *
   * @param fresh It was opened just now; otherwise a request before left it.
   */
  readonly onConnection: (socket: StreamSocket, fresh: boolean) => boolean
  /** As `onConnection`, with a connection that others use at the same time. Only for tickets that are `shared`. */
  readonly onSharedConnection?: (connection: MultiplexedConnection) => boolean
  /** None could be had, and the wait is over. */
  readonly onConnectionFailed: (outcome: Extract<ConnectOutcome, { readonly kind: 'failed' }>) => void
}

/** A place in a queue, reusable: made once and kept by the one who waits. All but `request` and `freshOnly` belongs to the queue. */
export class PendingTicket {
  readonly request: PendingRequest
  /** Only a connection that was opened just now will do: one that had been idle has failed this request. */
  freshOnly = false
  /** A connection that others use at the same time will do, and is wanted if the endpoint has such. */
  shared = false
  queue: PendingQueue | undefined = undefined
  next: PendingTicket | undefined = undefined
  previous: PendingTicket | undefined = undefined

  constructor(request: PendingRequest) {
    this.request = request
  }
}

/** Requests of one endpoint that wait for a connection, first in, first out. An intrusive list: joining and leaving cost O(1) and allocate nothing. */
export class PendingQueue {
  length = 0
  #head: PendingTicket | undefined = undefined
  #tail: PendingTicket | undefined = undefined

  /** Joins at the end. */
  push(ticket: PendingTicket): void {
    ticket.queue = this
    ticket.previous = this.#tail
    if (this.#tail === undefined) this.#head = ticket
    else this.#tail.next = ticket
    this.#tail = ticket
    this.length += 1
  }

  /** The one who has waited longest and can use such a connection; it stays in the queue. */
  first(fresh: boolean): PendingTicket | undefined {
    if (fresh) return this.#head
    let ticket = this.#head
    while (ticket?.freshOnly === true) ticket = ticket.next
    return ticket
  }

  /** Leaves, from anywhere in the queue; false when it is not in this one. */
  remove(ticket: PendingTicket): boolean {
    if (ticket.queue !== this) return false
    const { next, previous } = ticket
    if (previous === undefined) this.#head = next
    else previous.next = next
    if (next === undefined) this.#tail = previous
    else next.previous = previous
    ticket.queue = undefined
    ticket.next = undefined
    ticket.previous = undefined
    this.length -= 1
    return true
  }
}
