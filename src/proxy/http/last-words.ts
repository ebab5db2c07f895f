import type { TimerOwner, TimerWheel, WheelTimer } from '../../base/index.ts'
import { ErrorCode, type Http2Session, type Http2Stream, type StreamOwner } from '../../wire/http2/index.ts'

/**
 * Owner of a stream whose exchange is over while the end of the response waits for the client's window, or its socket. A client that takes nothing for
 * the flush timeout loses the stream.
 */
export class LastWords implements StreamOwner, TimerOwner {
  readonly #session: Http2Session
  readonly #stream: Http2Stream
  readonly #timer: WheelTimer
  readonly #timeoutMs: number
  #left: number

  constructor(session: Http2Session, stream: Http2Stream, timers: TimerWheel, timeoutMs: number) {
    this.#session = session
    this.#stream = stream
    this.#timeoutMs = timeoutMs
    this.#left = stream.waiting
    this.#timer = timers.timer(this)
    this.#timer.arm(timeoutMs)
  }

  onHeaders(): void {}

  onData(stream: Http2Stream, _bytes: Buffer, start: number, end: number): void {
    this.#session.consume(stream, end - start)
  }

  onTrailers(): void {}

  onReset(): void {
    this.#timer.cancel()
  }

  onWritable(stream: Http2Stream): void {
    this.#timer.cancel()
    // The rest of the request is of no use (RFC 9113 section 8.1).
    if (!stream.remoteEnded) this.#session.reset(stream, ErrorCode.noError)
  }

  onTimer(): void {
    const { waiting } = this.#stream
    if (waiting < this.#left) {
      this.#left = waiting
      this.#timer.arm(this.#timeoutMs)
    } else this.#session.reset(this.#stream, ErrorCode.cancel)
  }
}
