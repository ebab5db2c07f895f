import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import type { DownstreamInfo } from './downstream.ts'

/** What serves the connections of one filter chain: an HTTP connection manager or a TCP proxy. */
export interface ConnectionServer {
  /** Makes the owner of an accepted connection (after the TLS handshake); the caller assigns it to `socket.data`. */
  readonly accept: (socket: StreamSocket, info: DownstreamInfo) => SocketOwner
  readonly connections: number
  readonly activeRequests: number
  /** Idle times got shorter (`reduce_timeouts`); absent: it has none that shrink. */
  readonly onTimeoutsReduced?: () => void
  /**
   * Ends politely what can be ended so, and resolves when nothing is left; what is open after `timeoutMs` is cut. Idle connections are
   * closed after `idleMs` (0 by default: at once): until then the next response on them says `Connection: close`, which no client
   * can mistake, while a connection closed under a request that is on its way is a failed request.
   */
  readonly drain: (timeoutMs: number, idleMs?: number) => Promise<void>
}
