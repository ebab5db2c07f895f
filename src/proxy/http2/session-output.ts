import type { TimerOwner, TimerWheel, WheelTimer } from '../../base/index.ts'
import type { StreamSocket } from '../../net/index.ts'
import type { Http2Session } from '../../wire/http2/index.ts'

/** What `SessionOutput` is given beside its ends. */
export interface OutputOptions {
  readonly timers: TimerWheel
  /** The peer has so long to take what waits, from its last progress on, when no stream is left; then the connection is cut. */
  readonly flushTimeoutMs: number
  /** The peer has so long to close its side after us; then the connection is cut. */
  readonly lingerMs: number
}

/**
 * What leaves a session by its socket. Frames of many streams are gathered during one turn of the event loop and leave in one write.
 *
 *     flowing <-> stuck (the socket takes no more)
 *     either -> ending (what waits, then our end) -> lingering (our end is sent) -> closed
 */
export class SessionOutput implements TimerOwner {
  readonly #socket: StreamSocket
  readonly #session: Http2Session
  readonly #options: OutputOptions
  readonly #flushLater = (): void => {
    this.#scheduled = false
    this.flush()
  }
  #scheduled = false
  #closed = false
  /** Octets of the session's output that the kernel has taken already. */
  #taken = 0
  #endWhenFlushed = false
  /** Made when the socket is stuck, or ends, for the first time. */
  #timer: WheelTimer | undefined = undefined
  /** The kernel has taken something since the timer was armed. */
  #moved = false

  constructor(socket: StreamSocket, session: Http2Session, options: OutputOptions) {
    this.#socket = socket
    this.#session = session
    this.#options = options
  }

  /** Octets that the kernel has not taken yet. */
  get waiting(): number {
    return this.#session.outputLength - this.#taken
  }

  /** There is something to send: it leaves when this turn of the event loop is over. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    setImmediate(this.#flushLater)
  }

  /** Sends what there is. The session is told when the socket takes no more, and when it takes all again. */
  flush(): void {
    const session = this.#session
    const { outputLength } = session
    if (this.#closed || outputLength === 0) return
    const taken = Math.max(this.#socket.write(session.output, this.#taken, outputLength - this.#taken), 0)
    this.#taken += taken
    if (taken > 0) this.#moved = true
    if (this.#taken < outputLength) {
      this.#watch()
      session.setWritable(false)
      return
    }
    this.#timer?.cancel()
    this.#taken = 0
    session.clearOutput()
    if (this.#endWhenFlushed) this.#end()
    else session.setWritable(true)
  }

  /** The socket takes bytes again. */
  onDrain(): void {
    this.flush()
  }

  /** Sends what there is and closes. */
  end(): void {
    this.#endWhenFlushed = true
    if (this.#closed) return
    if (this.#session.outputLength > 0) this.flush()
    else this.#end()
  }

  /** Nothing is sent any more: the socket is gone. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  onTimer(): void {
    // While there are streams, their own limits decide how long a peer may take.
    const waits = !this.#closed && (this.#moved || (this.#session.activeStreams > 0 && !this.#endWhenFlushed))
    if (waits) this.#arm(this.#options.flushTimeoutMs)
    else this.#socket.terminate()
  }

  /** Closing with unread bytes in the kernel would reset the connection and lose GOAWAY: the peer is read for a moment longer. */
  #end(): void {
    this.#closed = true
    this.#arm(this.#options.lingerMs)
    this.#socket.shutdown()
  }

  #watch(): void {
    if (this.#timer?.armed !== true) this.#arm(this.#options.flushTimeoutMs)
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.#options.timers.timer(this)
    this.#moved = false
    this.#timer.arm(delayMs)
  }
}
