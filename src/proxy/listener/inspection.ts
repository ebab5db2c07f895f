import { ignoringOwner, type SocketOwner, type StreamSocket } from '../../net/index.ts'
import type { ListenerInspector } from '../config/index.ts'
import { type FirstBytes, inspectBytes, noFirstBytes } from './inspect-bytes.ts'

/** What was read of a connection and belongs to it; valid during the call only. */
export interface ReadBytes {
  readonly rest: Uint8Array
  /** The client's direction is over. */
  readonly ended: boolean
}

/** Nothing was read yet. */
export const noBytes: ReadBytes = { rest: new Uint8Array(), ended: false }

/** How an inspection ended. */
export type InspectionEnd =
  | ({ readonly kind: 'inspected'; readonly facts: FirstBytes } & ReadBytes)
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

/**
 * Owner of an accepted connection while its first bytes are looked at, one inspector after the other. Bytes are copied only when one
 * read does not hold all that is needed; how many are kept is bounded by the inspectors' limits and one read.
 */
export class Inspection implements SocketOwner {
  readonly #options: InspectionOptions
  readonly #facts = noFirstBytes()
  #kept = noBytes.rest
  #index = 0
  #ended = false
  #finished = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: InspectionOptions) {
    this.#options = options
  }

  /** Becomes the owner of the socket, looks at what was read already and waits for more. */
  start(socket: StreamSocket, { rest, ended }: ReadBytes): void {
    socket.data = this
    const { timeoutMs } = this.#options
    if (timeoutMs > 0) this.#timer = setTimeout(() => this.#onTimeout(socket), timeoutMs)
    if (rest.length > 0) this.onData(socket, rest)
    if (ended) this.onEnd(socket)
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
    // What is there is all that will come; the server may still have something to say.
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
