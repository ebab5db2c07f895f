import { type AcceptGate, createAcceptGate } from './accept-gate.ts'
import { err, MeshError, ok, type Result } from '../base/index.ts'
import { createSocketHandlers } from './socket-handlers.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'

/** One for the process: what it remembers are descriptors, of which the process has one table. */
const acceptGate: AcceptGate = createAcceptGate()

/** A bound TCP port. */
export interface TcpListener {
  readonly address: string
  readonly port: number
  /** Closes the listening socket; accepted connections live on. */
  readonly stop: () => void
  /** Leaves who connects in the kernel's backlog (`false`), or accepts again; false when this system cannot. */
  readonly setAccepting: (accepting: boolean) => boolean
}

/** What a listener is told; callbacks must not throw. */
export interface ListenOptions {
  readonly address: string
  /** 0: the system chooses. */
  readonly port: number
  /** A connection was accepted; the callee sets `socket.data` before it returns. */
  readonly onAccept: (socket: StreamSocket) => void
  /** An accepted connection is gone; called once for each `onAccept`. */
  readonly onGone: (socket: StreamSocket) => void
}

/** Binds a port. Error code `WEFT_NET_BIND`. */
export function listenTcp(options: ListenOptions): Result<TcpListener, MeshError> {
  try {
    const listener = Bun.listen<SocketOwner>({
      hostname: options.address,
      port: options.port,
      allowHalfOpen: true,
      // Another process must not bind the same port and take a share of the connections by chance.
      exclusive: true,
      socket: createSocketHandlers({ onOpen: options.onAccept, onClosed: options.onGone }),
    })
    const fd: unknown = Reflect.get(listener, 'fd')
    return ok({
      address: options.address,
      port: listener.port,
      stop: () => {
        // A descriptor number comes back for another socket: it must not be known as paused.
        acceptGate(typeof fd === 'number' ? fd : -1, true)
        listener.stop(false)
      },
      setAccepting: (accepting) => acceptGate(typeof fd === 'number' ? fd : -1, accepting),
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return err(
      new MeshError('WEFT_NET_BIND', `Cannot listen on ${options.address}:${options.port}: ${text}`, { cause }),
    )
  }
}
