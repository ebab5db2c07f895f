import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import {
  ErrorCode,
  type HpackLimits,
  type Http2Stream,
  Http2Session,
  type SessionLimits,
  type SessionOwner,
  type StreamOwner,
} from '../../wire/http2/index.ts'
import type { Http2Config } from '../config/index.ts'
import { type OutputOptions, SessionOutput, SessionWatch } from '../http2/index.ts'

/** Who keeps multiplexed connections. */
export interface ConnectionKeeper {
  /** The connection may take more requests than before, or fewer. */
  readonly onCapacity: (connection: MultiplexedConnection) => void
  /** No stream is open on it. */
  readonly onIdle: (connection: MultiplexedConnection) => void
  /** It takes no request any more; streams that are open go on. Told at most once, before `onGone`. */
  readonly onClosing: (connection: MultiplexedConnection) => void
  /** It is closed for what the endpoint did, or did not; `counter` names it. */
  readonly onFault: (counter: string) => void
  /** Its socket is closed. Told once, last. */
  readonly onGone: (connection: MultiplexedConnection) => void
}

/** What a stream's owner is told beyond the stream itself. */
export interface MultiplexedOwner extends StreamOwner {
  /** All that was received by now was told: what was put off until then is due. */
  readonly onReceived: () => void
}

/** A connection to an endpoint that carries many requests at a time (HTTP/2). */
export class MultiplexedConnection implements SocketOwner, SessionOwner {
  readonly socket: StreamSocket
  readonly session: Http2Session
  /** Requests that were sent on it. */
  requests = 0
  /** Since when it has had no stream, monotonic ms; -1 while it has. */
  idleSince = -1
  /** When what is being told arrived, monotonic ms. */
  receivedAt = 0
  readonly #keeper: ConnectionKeeper
  readonly #now: () => number
  readonly #output: SessionOutput
  readonly #watch: SessionWatch
  /** At most this many requests in its life; 0: any number. */
  readonly #maxRequests: number
  readonly #due: MultiplexedOwner[] = []
  #closing = false
  #gone = false

  constructor(
    socket: StreamSocket,
    keeper: ConnectionKeeper,
    options: {
      readonly limits: Partial<SessionLimits>
      readonly hpack: Partial<HpackLimits>
      readonly now: () => number
      readonly maxRequests: number
      readonly output: OutputOptions
      readonly keepalive: Http2Config['keepalive']
      readonly settingsTimeoutMs: number
      readonly random: () => number
    },
  ) {
    this.socket = socket
    this.#keeper = keeper
    this.#now = options.now
    this.#maxRequests = options.maxRequests
    this.session = new Http2Session('client', this, { limits: options.limits, hpack: options.hpack, now: options.now })
    this.#output = new SessionOutput(socket, this.session, options.output)
    this.#watch = new SessionWatch(this.session, {
      timers: options.output.timers,
      keepalive: options.keepalive,
      settingsTimeoutMs: options.settingsTimeoutMs,
      random: options.random,
      onSilent: (counter) => this.#onSilent(counter),
    })
    socket.data = this
    this.session.start()
  }

  /** Requests that it takes now beyond those that it has. */
  get capacity(): number {
    if (this.#closing) return 0
    const { capacity } = this.session
    return this.#maxRequests === 0 ? capacity : Math.min(capacity, this.#maxRequests - this.requests)
  }

  /** The socket takes what is sent; otherwise a new request would wait behind others' bodies. */
  get flowing(): boolean {
    return this.#output.waiting === 0
  }

  /** Opens a stream; there must be capacity. */
  open(owner: MultiplexedOwner): Http2Stream {
    this.requests += 1
    this.idleSince = -1
    const stream = this.session.open(owner)
    if (this.#maxRequests > 0 && this.requests >= this.#maxRequests) this.close()
    return stream
  }

  /** `owner.onReceived` is called when what is being received was told. */
  putOff(owner: MultiplexedOwner): void {
    this.#due.push(owner)
  }

  /** Takes no further request, and closes when the last is over. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#keeper.onClosing(this)
    if (this.session.activeStreams === 0) this.onIdle()
  }

  onData(_socket: StreamSocket, bytes: Uint8Array): void {
    this.#watch.received()
    this.receivedAt = this.#now()
    this.session.receive(bytes instanceof Buffer ? bytes : Buffer.from(bytes), 0, bytes.length)
    for (let index = 0; index < this.#due.length; index += 1) this.#due[index]?.onReceived()
    this.#due.length = 0
  }

  onDrain(): void {
    this.#output.onDrain()
  }

  onEnd(): void {
    this.#lose()
  }

  onClose(): void {
    this.#lose()
  }

  onStream(): StreamOwner {
    throw new TypeError('A client session has no streams of its peer')
  }

  onOutput(): void {
    this.#output.schedule()
  }

  onCapacity(): void {
    this.#keeper.onCapacity(this)
  }

  onGoaway(): void {
    this.close()
  }

  onFailure(_errorCode: number, counter: string): void {
    this.#keeper.onFault(counter)
    this.close()
    this.#output.end()
  }

  onPong(): void {
    this.#watch.onPong()
  }

  #onSilent(counter: string): void {
    this.#keeper.onFault(counter)
    this.#output.flush()
    this.#lose()
  }

  onIdle(): void {
    if (this.#closing) {
      this.session.goaway(ErrorCode.noError)
      this.#output.end()
    } else this.#keeper.onIdle(this)
  }

  #lose(): void {
    if (this.#gone) return
    this.#gone = true
    this.#output.close()
    this.#watch.close()
    this.close()
    this.session.destroy(0)
    this.socket.terminate()
    this.#keeper.onGone(this)
  }
}
