import type { TCPSocketListener, TCPSocketListenOptions } from 'bun'
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
  /** Of the listening socket, for another process to take over; below 0 once stopped. */
  readonly descriptor: () => number
  /** Closes the listening socket here; accepted connections live on, and so does the socket in a process that took it over. */
  readonly stop: () => void
  /** Leaves who connects in the kernel's backlog (`false`), or accepts again; false when this system cannot. */
  readonly setAccepting: (accepting: boolean) => boolean
}

/** What a listener is told; callbacks must not throw. */
export interface ListenOptions {
  readonly address: string
  /** 0: the system chooses. */
  readonly port: number
  /**
   * A listening socket of another process to accept from, bound to `address` and `port`; owned from here on. The queue of connections is
   * the socket's: whoever of its processes is left serves what waits, so nothing is lost when one closes it.
   */
  readonly descriptor?: number | undefined
  /** A connection was accepted; the callee sets `socket.data` before it returns. */
  readonly onAccept: (socket: StreamSocket) => void
  /** An accepted connection is gone; called once for each `onAccept`. */
  readonly onGone: (socket: StreamSocket) => void
}

/** Bun 1.4 accepts from a given descriptor; its types do not know it. */
interface InheritedListenOptions extends TCPSocketListenOptions<SocketOwner> {
  fd: number
}

/** Binds a port, or accepts from the given socket. Error code `WEFT_NET_BIND`. */
export function listenTcp(options: ListenOptions): Result<TcpListener, MeshError> {
  const { address, port, descriptor } = options
  const shared = {
    allowHalfOpen: true,
    socket: createSocketHandlers({ onOpen: options.onAccept, onClosed: options.onGone }),
  }
  try {
    if (descriptor !== undefined) {
      const adopted: InheritedListenOptions = { ...shared, hostname: address, port, fd: descriptor }
      return ok(toTcpListener(Bun.listen<SocketOwner>(adopted), address, port))
    }
    // Exclusive: another process must not bind the same port and take a share of the connections by chance.
    const listener = Bun.listen<SocketOwner>({ ...shared, hostname: address, port, exclusive: true })
    return ok(toTcpListener(listener, address, listener.port))
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return err(new MeshError('WEFT_NET_BIND', `Cannot listen on ${address}:${port}: ${text}`, { cause }))
  }
}

function toTcpListener(listener: TCPSocketListener<SocketOwner>, address: string, port: number): TcpListener {
  const descriptor = (): number => {
    const fd: unknown = Reflect.get(listener, 'fd')
    return typeof fd === 'number' ? fd : -1
  }
  return {
    address,
    port,
    descriptor,
    stop: () => {
      // A descriptor number comes back for another socket: it must not be known as paused.
      acceptGate(descriptor(), true)
      listener.stop(false)
    },
    setAccepting: (accepting) => acceptGate(descriptor(), accepting),
  }
}
