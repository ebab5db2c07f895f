/**
 * Sockets, TLS contexts, original destination, byte pumps, DNS server and resolver: everything that touches the
 * operating system's network, and nothing that knows what the bytes mean.
 */
export { type SocketOwner, type StreamSocket } from './socket-owner.ts'
