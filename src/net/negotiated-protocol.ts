import type { StreamSocket } from './socket-owner.ts'

/** The application protocol that the TLS handshake of a socket agreed on (ALPN, RFC 7301); empty when none, or without TLS. */
export function negotiatedProtocol(socket: StreamSocket): string {
  const protocol = socket.alpnProtocol
  return typeof protocol === 'string' ? protocol : ''
}
