import type { Socket } from 'bun'

/**
 * Who handles a socket's events. One set of shared handlers for all sockets dispatches to `socket.data`, so that a
 * connection can be handed from one owner to another by assignment (a pooled upstream connection, a sniffed downstream
 * one) with no closure per socket. Methods must not throw.
 */
export interface SocketOwner {
  /** `bytes` is valid only during the call: copy what is kept, unless it is forwarded at once. */
  readonly onData: (socket: StreamSocket, bytes: Uint8Array) => void
  /** The kernel takes bytes again after a short write. */
  readonly onDrain: (socket: StreamSocket) => void
  /** The peer half-closed. */
  readonly onEnd: (socket: StreamSocket) => void
  /** The socket is gone; called once, last. */
  readonly onClose: (socket: StreamSocket, error: Error | undefined) => void
}

/** A TCP or TLS socket whose events go to its owner. */
export type StreamSocket = Socket<SocketOwner>
