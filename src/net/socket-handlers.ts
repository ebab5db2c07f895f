import type { SocketHandler } from 'bun'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'

/** What {@link createSocketHandlers} adds to the plain dispatch to `socket.data`. */
export interface SocketHandlerHooks {
  /** The socket exists; its `data` is what the caller of connect gave, or undefined for an accepted one. */
  readonly onOpen?: (socket: StreamSocket) => void
  /** Before the owner's `onClose`: for counts that hang on the socket and not on its owner of the moment. */
  readonly onClosed?: (socket: StreamSocket) => void
  /** The TLS handshake ended; `error` says why the chain does not verify, undefined when it does. */
  readonly onHandshake?: (socket: StreamSocket, error: Error | undefined) => void
  /** A TLS session ticket for resumption arrived (client side). */
  readonly onSession?: (socket: StreamSocket, session: Uint8Array) => void
  /** A socket could not be connected. */
  readonly onConnectError?: (socket: StreamSocket, error: Error) => void
  /** A handler threw (a bug: owners must not) or TLS failed after the handshake. The socket closes right after. */
  readonly onError?: (socket: StreamSocket, error: Error) => void
}

/** Handlers as Bun runs them: `session` (TLS ticket for the client) is delivered by Bun 1.4 and missing in its types. */
type Handlers = SocketHandler<SocketOwner> & { session?(socket: StreamSocket, session: Uint8Array): void }

/**
 * One set of handlers that sends every event to the socket's owner (`socket.data`): made once for a listener or an
 * endpoint, shared by all of its sockets.
 */
export function createSocketHandlers(hooks: SocketHandlerHooks = {}): SocketHandler<SocketOwner> {
  const { onOpen, onClosed, onHandshake, onSession, onConnectError, onError } = hooks
  const handlers: Handlers = {
    open(socket) {
      onOpen?.(socket)
    },
    data(socket, bytes) {
      socket.data.onData(socket, bytes)
    },
    drain(socket) {
      socket.data?.onDrain(socket)
    },
    end(socket) {
      socket.data?.onEnd(socket)
    },
    close(socket, error) {
      onClosed?.(socket)
      socket.data?.onClose(socket, error)
    },
    error(socket, error) {
      onError?.(socket, error)
      socket.terminate()
    },
    connectError(socket, error) {
      onConnectError?.(socket, error)
    },
  }
  // A `handshake` handler changes when `open` is called (before instead of after the handshake), so it is there only if asked for.
  if (onHandshake !== undefined)
    handlers.handshake = (socket, _success, error) => onHandshake(socket, error ?? undefined)
  if (onSession !== undefined) handlers.session = onSession
  return handlers
}

/** Owner of sockets whose events mean nothing any more: bytes are dropped, a close needs no further act. */
export const ignoringOwner: SocketOwner = {
  onData: () => undefined,
  onDrain: () => undefined,
  onEnd: () => undefined,
  onClose: () => undefined,
}

/** Owner of a socket that was refused: whatever comes, it is closed. */
export const closingOwner: SocketOwner = {
  onData: (socket) => socket.terminate(),
  onDrain: () => undefined,
  onEnd: (socket) => socket.end(),
  onClose: () => undefined,
}
