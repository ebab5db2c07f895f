import { ignoringOwner, type SocketOwner, type StreamSocket } from '../../net/index.ts'
import type { ListenerInspector } from '../config/index.ts'
import { type FirstBytes, inspectBytes, noFirstBytes } from './inspect-bytes.ts'

/** How an inspection ended. */
export type InspectionEnd =
  /** `rest` holds what was read and belongs to the connection, valid during the call only; `ended`: the client's direction is over. */
  | { readonly kind: 'inspected'; readonly facts: FirstBytes; readonly rest: Uint8Array; readonly ended: boolean }
  | { readonly kind: 'refused'; readonly details: string }
  /** The time was over, and the configuration says to close. */
  | { readonly kind: 'timeout' }
  /** The client is gone. */
  | { readonly kind: 'gone' }

/** What to look for. */
export interface InspectionOptions {
  readonly inspectors: readonly ListenerInspector[]
  /** Milliseconds for all of it, 0 is off. */
  readonly timeoutMs: number
  /** When the time is over, go on with what is known. A connection that needs a PROXY protocol header is closed in any case. */
  readonly continueOnTimeout: boolean
  /** Counts an event by Envoy's name. */
  readonly count: (counter: string) => void
  /** Called once. After `inspected` the callee sets the owner of the socket; after `refused` and `timeout` it closes it. */
  readonly onEnd: (socket: StreamSocket, end: InspectionEnd) => void
}

const nothing = new Uint8Array()

/**
 * Owner of an accepted connection while its first bytes are looked at, one inspector after the other. Bytes are copied only when one
 * read does not hold all that is needed; how many are kept is bounded by the inspectors' limits and one read.
 */
export class Inspection implements SocketOwner {
  readonly #options: InspectionOptions
  readonly #facts = noFirstBytes()
  #kept: Uint8Array = nothing
  #index = 0
  #ended = false
  #finished = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: InspectionOptions) {
    this.#options = options
  }

  /** Becomes the owner of the socket and waits for its bytes. */
  start(socket: StreamSocket): void {
    socket.data = this
    const { timeoutMs } = this.#options
    if (timeoutMs > 0) this.#timer = setTimeout(() => this.#onTimeout(socket), timeoutMs)
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    if (this.#finished) return
    const all = this.#kept.length === 0 ? bytes : joined(this.#kept, bytes)
    const rest = this.#inspect(socket, all, false)
    if (rest !== undefined) this.#kept = rest.buffer === bytes.buffer ? rest.slice() : rest
  }

  onDrain(): void {}

  onEnd(socket: StreamSocket): void {
    if (this.#finished) return
    this.#ended = true
    // A client that never said a word and says no more has gone, unless the server is to speak first.
    this.#inspect(socket, this.#kept, true)
  }

  onClose(socket: StreamSocket): void {
    this.#finish(socket, { kind: 'gone' })
  }

  /** Goes on as far as the bytes allow; what is left of them when more are needed, undefined when it is over. */
  #inspect(socket: StreamSocket, bytes: Uint8Array, final: boolean): Uint8Array | undefined {
    let rest = bytes
    for (;;) {
      const inspector = this.#options.inspectors[this.#index]
      if (inspector === undefined) {
        this.#finish(socket, { kind: 'inspected', facts: this.#facts, rest, ended: this.#ended })
        return undefined
      }
      const verdict = inspectBytes(inspector, rest, { facts: this.#facts, final })
      if (verdict.kind === 'more') return rest
      if (verdict.counter !== '') this.#options.count(verdict.counter)
      if (verdict.kind === 'refuse') {
        this.#finish(socket, { kind: 'refused', details: verdict.details })
        return undefined
      }
      rest = rest.subarray(verdict.consumed)
      this.#index += 1
    }
  }

  #onTimeout(socket: StreamSocket): void {
    this.#options.count('listener_downstream_pre_cx_timeout')
    const waiting = this.#options.inspectors[this.#index]
    const needed = waiting?.kind === 'proxy-protocol' && !waiting.allowWithout
    if (this.#options.continueOnTimeout && !needed) this.#inspect(socket, this.#kept, true)
    else this.#finish(socket, { kind: 'timeout' })
  }

  #finish(socket: StreamSocket, end: InspectionEnd): void {
    if (this.#finished) return
    this.#finished = true
    clearTimeout(this.#timer)
    socket.data = ignoringOwner
    this.#options.onEnd(socket, end)
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}
