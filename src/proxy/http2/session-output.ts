import type { StreamSocket } from '../../net/index.ts'
import type { Http2Session } from '../../wire/http2/index.ts'

/** What leaves a session by its socket. Frames of many streams are gathered during one turn of the event loop and leave in one write. */
export class SessionOutput {
  readonly #socket: StreamSocket
  readonly #session: Http2Session
  readonly #flushLater = (): void => {
    this.#scheduled = false
    this.flush()
  }
  #scheduled = false
  #closed = false
  /** Octets of the session's output that the kernel has taken already. */
  #taken = 0
  #endWhenFlushed = false

  constructor(socket: StreamSocket, session: Http2Session) {
    this.#socket = socket
    this.#session = session
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
    this.#taken += Math.max(this.#socket.write(session.output, this.#taken, outputLength - this.#taken), 0)
    if (this.#taken < outputLength) {
      session.setWritable(false)
      return
    }
    this.#taken = 0
    session.clearOutput()
    if (this.#endWhenFlushed) {
      this.close()
      this.#socket.end()
      return
    }
    session.setWritable(true)
  }

  /** The socket takes bytes again. */
  onDrain(): void {
    this.flush()
  }

  /** Sends what there is and closes. */
  end(): void {
    this.#endWhenFlushed = true
    if (this.#session.outputLength > 0) {
      this.flush()
      return
    }
    if (this.#closed) return
    this.close()
    this.#socket.end()
  }

  /** Nothing is sent any more: the socket is gone. */
  close(): void {
    this.#closed = true
  }
}
