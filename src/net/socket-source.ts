import type { Result } from '../base/index.ts'

/** A listening socket as two processes speak of it. */
export interface SocketName {
  readonly protocol: 'tcp' | 'udp'
  /** Of the listener; tells sockets of port 0 apart. */
  readonly name: string
  readonly address: string
  /** As configured; 0: the system chose. */
  readonly port: number
}

/** A listening socket that another process opened. */
export interface InheritedSocket {
  readonly descriptor: number
  /** The port that it is bound to. */
  readonly port: number
}

/** Where listening sockets come from when this process does not open them itself. */
export interface SocketSource {
  /** The socket, owned by the caller; undefined when this process is to open its own; the error says why nobody can. */
  readonly take: (name: SocketName) => Result<InheritedSocket | undefined, string>
  /** A socket that was taken is needed no more. */
  readonly release: (name: SocketName) => void
}

/** True when the same socket is meant: by address and port, and by listener when the port is the system's choice. */
export function isSameSocket(one: SocketName, other: SocketName): boolean {
  return socketKey(one) === socketKey(other)
}

/** A text that is equal for names of the same socket. */
export function socketKey({ protocol, name, address, port }: SocketName): string {
  return port === 0 ? `${protocol} ${address} 0 ${name}` : `${protocol} ${address} ${port}`
}
