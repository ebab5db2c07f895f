import type { BulkMover, BulkStream } from './bulk-mover.ts'
import { NetLimits } from './limits.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'
import type { SplicePipe } from './splice-pipe.ts'

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
  /** Moves large amounts within the kernel. Only when both sockets are plain TCP: what it moves passes by any TLS. */
  readonly bulk?: BulkMover | undefined
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

  /** Hands a direction to the mover; false when there is none. */
  startBulk(stream: BulkStream): boolean {
    return this.#options.bulk?.add(stream) === true
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
class PumpSide implements SocketOwner, BulkStream {
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
  /**
   * How bytes leave this socket: `events` as reads of the runtime, `bulk` in turns of the mover. The runtime's reads pause in all
   * other states; `blocked` and `bulk-blocked` wait until the sink takes bytes again.
   */
  #reading: 'events' | 'blocked' | 'bulk' | 'bulk-blocked' = 'events'
  #emptyTurns = 0

  constructor(pump: Pump, socket: StreamSocket, direction: PumpDirection) {
    this.#pump = pump
    this.socket = socket
    this.direction = direction
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    this.#pump.onBytes(this.direction, bytes.length)
    if (!this.sink.send(bytes)) {
      if (this.#reading === 'events') socket.pause()
      this.#reading = this.#reading === 'events' || this.#reading === 'blocked' ? 'blocked' : 'bulk-blocked'
    } else if (bytes.length >= NetLimits.bulkReadBytes && this.#reading === 'events' && this.#pump.startBulk(this)) {
      this.#reading = 'bulk'
      socket.pause()
    }
  }

  moveBulk(pipe: SplicePipe, limit: number): boolean {
    if (this.#reading !== 'bulk' || this.#closed || this.ended || this.sink.#closed) return false
    const [source, sink] = [descriptorOf(this.socket), descriptorOf(this.sink.socket)]
    // What is closed has no descriptor, and its old number may be another connection's.
    if (source < 0 || sink < 0) return false
    const end = pipe.move(source, sink, limit)
    if (pipe.moved > 0) this.#pump.onBytes(this.direction, pipe.moved)
    switch (end) {
      case 'more':
        this.#emptyTurns = 0
        return true
      case 'empty':
        this.#emptyTurns = pipe.moved > 0 ? 0 : this.#emptyTurns + 1
        if (this.#emptyTurns < 2) return true
        break
      case 'full':
        this.#reading = 'bulk-blocked'
        if (pipe.leftover === undefined || !this.sink.send(pipe.leftover)) return false
        this.#reading = 'bulk'
        return true
      case 'ended':
        break
      case 'source-reset':
      case 'sink-reset':
        this.#pump.blame(end === 'source-reset' ? this : this.sink, new Error('The connection was reset'))
        this.#pump.abort()
        return false
    }
    this.#emptyTurns = 0
    this.#reading = 'events'
    this.socket.resume()
    return false
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

  onClose(_socket: StreamSocket, reported: Error | undefined): void {
    // Nobody reads while reads pause, so Bun has no error to report; but only a reset closes a socket then that has not sent its end.
    const isReset = this.#reading !== 'events' && !this.ended && !this.#finSent && !this.#pump.aborted
    const error = reported ?? (isReset ? new Error('The connection was reset') : undefined)
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
    if (this.queuedBytes > NetLimits.queuedBytesPerSocket) {
      // A source whose reads pause goes on all the same when it was reset with much in its buffer.
      this.#pump.blame(this.sink, new Error(`More than ${NetLimits.queuedBytesPerSocket} bytes wait for a socket`))
      this.#pump.abort()
    }
    return false
  }

  resumeSource(): void {
    if (this.#closed || this.ended) return
    if (this.#reading === 'bulk-blocked' && this.#pump.startBulk(this)) this.#reading = 'bulk'
    else if (this.#reading === 'blocked' || this.#reading === 'bulk-blocked') {
      this.#reading = 'events'
      this.socket.resume()
    }
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

function descriptorOf(socket: StreamSocket): number {
  const fd: unknown = Reflect.get(socket, 'fd')
  return typeof fd === 'number' ? fd : -1
}
