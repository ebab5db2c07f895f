import { err, MeshError, ok, type Result } from '../base/index.ts'

/** What happened to a datagram that was to be sent. */
export type DatagramOutcome =
  | 'sent'
  /** The kernel's buffer is full: lost, as datagrams may be. */
  | 'full'
  /** Too long, or the peer refused an earlier one. */
  | 'failed'

/** A bound UDP socket. */
export interface UdpListener {
  readonly port: number
  readonly send: (bytes: Uint8Array, port: number, address: string) => DatagramOutcome
  /** Frees the port at once; `send` must not be called after it. */
  readonly close: () => void
}

/** A UDP socket with one peer: the kernel drops what others send to it. */
export interface UdpConnection {
  /** Our end, `ip:port`. */
  readonly localAddress: string
  readonly send: (bytes: Uint8Array) => DatagramOutcome
  readonly close: () => void
}

/** Events of a listener; `bytes` are valid only during the call. */
export interface UdpListenerHandler {
  readonly onDatagram: (bytes: Uint8Array, port: number, address: string) => void
}

/** Events of a connection; `bytes` are valid only during the call. */
export interface UdpConnectionHandler {
  readonly onDatagram: (bytes: Uint8Array) => void
  /** An error of the peer or the way to it (ICMP), for example that nobody listens there. The socket stays open. */
  readonly onError: () => void
}

/** Binds a UDP port; 0 takes a free one. Error code `WEFT_NET_BIND`. */
export async function bindUdp(
  address: string,
  port: number,
  handler: UdpListenerHandler,
): Promise<Result<UdpListener, MeshError>> {
  try {
    const socket = await Bun.udpSocket({
      hostname: address,
      port,
      socket: {
        data: (_socket, bytes, peerPort, peerAddress) => handler.onDatagram(bytes, peerPort, peerAddress),
        // An ICMP error for an answer that a client did not wait for: UDP has nobody to tell.
        error: () => undefined,
      },
    })
    return ok({
      port: socket.port,
      send(bytes, peerPort, peerAddress) {
        try {
          return socket.send(bytes, peerPort, peerAddress) ? 'sent' : 'full'
        } catch {
          // Bun throws what the kernel answers.
          return 'failed'
        }
      },
      close: () => socket.close(),
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return err(new MeshError('WEFT_NET_BIND', `Cannot listen on ${address}:${port} (UDP): ${text}`, { cause }))
  }
}

/** Opens a UDP socket to one peer; undefined when the system has no socket or no way to it. */
export async function connectUdp(
  address: string,
  port: number,
  handler: UdpConnectionHandler,
): Promise<UdpConnection | undefined> {
  try {
    const socket = await Bun.udpSocket({
      connect: { hostname: address, port },
      socket: { data: (_socket, bytes) => handler.onDatagram(bytes), error: () => handler.onError() },
    })
    const { address: local } = socket
    return {
      localAddress: local.family === 'IPv6' ? `[${local.address}]:${local.port}` : `${local.address}:${local.port}`,
      send(bytes) {
        try {
          return socket.send(bytes) ? 'sent' : 'full'
        } catch {
          // Bun throws what the kernel answers.
          return 'failed'
        }
      },
      close: () => socket.close(),
    }
  } catch {
    // The reason (no descriptor, no route) changes nothing for the caller: the datagram is lost and counted.
    return undefined
  }
}
