import type { FieldBlock } from '../hpack/field-block.ts'
import type { Http2Stream } from './stream.ts'

/**
 * Is told what the peer does on one stream. Nothing is told after `onReset`, or after both sides have ended. Any method of the session
 * may be called from within.
 */
export interface StreamOwner {
  /**
   * A head: the request at a server, a response at a client (first perhaps some with `:status` 1xx, never with `endStream`). It is well formed by RFC 9113
   * section 8: what is not was answered by a reset.
   */
  readonly onHeaders: (stream: Http2Stream, block: FieldBlock, endStream: boolean) => void
  /**
   * A piece of the body, perhaps empty; valid during the call. It counts against the stream's window until `session.consume` is called for it.
   * A body that is longer or shorter than its `content-length` never ends: the stream is reset instead.
   */
  readonly onData: (stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean) => void
  /** Trailers, which end the peer's side; no pseudo-fields are among them. */
  readonly onTrailers: (stream: Http2Stream, block: FieldBlock) => void
  /**
   * The stream is over before its time: reset by the peer (`byPeer`), by the session because the peer broke a rule, refused by GOAWAY
   * (`errorCode` is `refusedStream`: the peer never acted on it), or the connection failed.
   */
  readonly onReset: (stream: Http2Stream, errorCode: number, byPeer: boolean) => void
  /** All that waited for a window, or for the socket, is on its way: more may be sent. Told only after `sendData` answered false; even if that was the last. */
  readonly onWritable: (stream: Http2Stream) => void
}

/** Is told what concerns a connection as a whole. */
export interface SessionOwner {
  /** Server: the peer opens a stream; `onHeaders` of the answer follows at once. */
  readonly onStream: (stream: Http2Stream) => StreamOwner
  /** `output` holds frames where it held none: they are to be sent before long (once per turn of the event loop). */
  readonly onOutput: () => void
  /** The number of streams that may be opened may have changed: settings, a stream that ended, GOAWAY. */
  readonly onCapacity: () => void
  /** The peer takes no streams above `lastStreamId` any more; those that it refused were told `onReset` before. */
  readonly onGoaway: (lastStreamId: number, errorCode: number) => void
  /** The connection is lost for a fault of the peer: GOAWAY is in `output`. All streams were told `onReset`. To be sent, then closed. `counter` names the attack or rule, in snake case. */
  readonly onFailure: (errorCode: number, counter: string) => void
  /** No stream is left. */
  readonly onIdle: () => void
  /** Server: a request was answered by a reset because it breaks a rule of messages; no stream was opened for it. */
  readonly onMalformed?: (() => void) | undefined
  /** The answer to a `ping`, with its eight octets at `bytes[start]`; valid during the call. */
  readonly onPong?: ((bytes: Buffer, start: number) => void) | undefined
}
