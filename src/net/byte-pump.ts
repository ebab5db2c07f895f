import { NetLimits } from './limits.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'

/** Which way bytes go: `forward` from the first socket to the second. */
export type PumpDirection = 'forward' | 'backward'

/** Callbacks of a pump; they must not throw. */
export interface BytePumpOptions {
  /** Bytes were read from the source of this direction. */
  readonly onBytes: (direction: PumpDirection, count: number) => void
  /** Both sockets are closed; called once. `by` is the side that went first (or failed). */
  readonly onClosed: (by: 'first' | 'second', error: Error | undefined) => void
  /** Bytes of the first socket that were read before the second was there; they go first. */
  readonly pending?: readonly Uint8Array[]
  /** The first socket's peer has sent its end already. */
  readonly firstEnded?: boolean
}

/** Two sockets joined; made by {@link createBytePump}. */
export interface BytePump {
  /** Closes both at once, pending bytes are lost. */
  readonly abort: () => void
  /** Bytes that wait for one of the sockets. */
  readonly queuedBytes: number
}

/**
 * Copies bytes between two connected sockets until both are closed. It owns them from here on. A source is paused while its
 * sink is full; the end of one direction (FIN, or TLS close_notify) is passed on and the other goes on (half-close); a
 * reset on one side resets the other.
 */
export function createBytePump(first: StreamSocket, second: StreamSocket, options: BytePumpOptions): BytePump {
  const pump = new Pump(first, second, options)
  return pump
}

class Pump implements BytePump {
  readonly #sides: readonly [PumpSide, PumpSide]
  readonly #options: BytePumpOptions
  #cause: { readonly by: 'first' | 'second'; readonly error: Error | undefined } | undefined
  #openSockets = 2
  aborted = false

  constructor(first: StreamSocket, second: StreamSocket, options: BytePumpOptions) {
    this.#options = options
    const one = new PumpSide(this, first, 'forward')
    const two = new PumpSide(this, second, 'backward')
    one.sink = two
    two.sink = one
    this.#sides = [one, two]
    first.data = one
    second.data = two
    for (const bytes of options.pending ?? []) one.onData(first, bytes)
    if (options.firstEnded === true) one.onEnd()
  }

  get queuedBytes(): number {
    return this.#sides[0].queuedBytes + this.#sides[1].queuedBytes
  }

  abort(): void {
    // A reset, so that neither end takes a stream that was cut for one that is complete.
    this.aborted = true
    for (const side of this.#sides) side.socket.terminate()
  }

  onBytes(direction: PumpDirection, count: number): void {
    this.#options.onBytes(direction, count)
  }

  /** Remembers the side that ended first; only that is worth a response flag. */
  blame(side: PumpSide, error: Error | undefined): void {
    this.#cause ??= { by: side.direction === 'forward' ? 'first' : 'second', error }
  }

  onSocketClosed(): void {
    this.#openSockets -= 1
    if (this.#openSockets === 0 && this.#cause !== undefined) this.#options.onClosed(this.#cause.by, this.#cause.error)
  }
}

/** One socket of a pump: source of its direction, sink of the other. */
class PumpSide implements SocketOwner {
  /** The other socket; set once by the pump. */
  sink: PumpSide = this
  /** No more bytes will come out of this socket. */
  ended = false
  queuedBytes = 0
  readonly socket: StreamSocket
  readonly direction: PumpDirection
  readonly #pump: Pump
  #queue: Uint8Array[] = []
  #finSent = false
  #closed = false

  constructor(pump: Pump, socket: StreamSocket, direction: PumpDirection) {
    this.#pump = pump
    this.socket = socket
    this.direction = direction
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    this.#pump.onBytes(this.direction, bytes.length)
    if (!this.sink.send(bytes)) socket.pause()
  }

  onDrain(): void {
    while (this.#queue.length > 0) {
      const [head] = this.#queue
      if (head === undefined) break
      const taken = this.socket.write(head)
      if (taken < 0) return
      this.queuedBytes -= taken
      if (taken < head.length) {
        this.#queue[0] = head.subarray(taken)
        return
      }
      this.#queue.shift()
    }
    this.sink.resumeSource()
    this.#finishIfDone()
  }

  onEnd(): void {
    this.#pump.blame(this, undefined)
    this.ended = true
    this.sink.#finishIfDone()
    // This direction is over; when the other is too, nothing is left to do here.
    this.#finishIfDone()
  }

  onClose(_socket: StreamSocket, error: Error | undefined): void {
    this.#closed = true
    this.ended = true
    this.#queue = []
    this.queuedBytes = 0
    this.#pump.blame(this, error)
    if (error !== undefined || this.#pump.aborted) this.sink.socket.terminate()
    else this.sink.#finishAfterPeerIsGone()
    this.#pump.onSocketClosed()
  }

  /** Writes or queues bytes that came from the other socket; false when the source must pause. */
  send(bytes: Uint8Array): boolean {
    if (this.#closed) return true
    let taken = 0
    if (this.#queue.length === 0) {
      taken = Math.max(0, this.socket.write(bytes))
      if (taken === bytes.length) return true
    }
    // The received bytes are only lent: what waits is copied, unless it fills a buffer of its own, which nobody writes to again
    // (Bun 1.4 makes one for each read; guarded by a test).
    const owned = bytes.byteLength === bytes.buffer.byteLength
    this.#queue.push(owned ? bytes.subarray(taken) : bytes.slice(taken))
    this.queuedBytes += bytes.length - taken
    if (this.queuedBytes > NetLimits.queuedBytesPerSocket) this.#pump.abort()
    return false
  }

  resumeSource(): void {
    if (!this.#closed && !this.ended) this.socket.resume()
  }

  /** Sends our FIN when the other side has ended and all of its bytes are out; closes when both directions are over. */
  #finishIfDone(): void {
    if (this.#closed || !this.sink.ended || this.#queue.length > 0) return
    if (this.ended) {
      this.socket.end()
      return
    }
    if (this.#finSent) return
    this.#finSent = true
    this.socket.shutdown()
  }

  /** The other socket is gone: what it sent still goes out, then this one is closed, for nobody takes its bytes. */
  #finishAfterPeerIsGone(): void {
    if (this.#closed) return
    this.ended = true
    this.#finishIfDone()
  }
}
