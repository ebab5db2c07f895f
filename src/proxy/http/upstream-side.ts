import type { StreamSocket } from '../../net/index.ts'
import type { Head } from '../../wire/http1/index.ts'
import type { ForwardDecision } from '../route/index.ts'

/**
 * The upstream's side of one attempt, in the version of HTTP that the upstream speaks. The leg attaches it to a connection and
 * then tells it the request; it tells the leg's relay the response.
 */
export interface UpstreamSide {
  /** The response's head; readable until the exchange is over when access logs ask for it (`leg.headKept`). */
  readonly head: Head
  /** The connection, for logs. */
  readonly socket: StreamSocket | undefined
  /**
   * Sends the head and what is held of the body, together.
   *
   * @param first No request was sent on the connection before.
   * @returns False when the upstream is slow.
   */
  readonly send: (decision: ForwardDecision, first: boolean) => boolean
  /** A piece of the body; `flushBody` or `endBody` follows. False when the upstream is slow. */
  readonly sendBody: (bytes: Uint8Array, start: number, end: number) => boolean
  readonly flushBody: () => boolean
  /** The body is over; trailers are the exchange's. */
  readonly endBody: () => boolean
  /** Bytes of a tunnel. */
  readonly sendTunnel: (bytes: Uint8Array, start: number, end: number) => boolean
  readonly endTunnel: () => void
  readonly pause: () => void
  readonly resume: () => void
  /** The response was read to its end, or is thrown away: the connection stays for others if it can. */
  readonly release: () => void
  /** Gives the attempt up at once. */
  readonly abandon: () => void
}
