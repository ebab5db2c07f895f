/**
 * Sockets, TLS contexts, original destination, byte pumps, DNS server and resolver: everything that touches the
 * operating system's network, and nothing that knows what the bytes mean.
 *
 * A socket's events go to its owner (`socket.data`). Connections out are made by a Connector (TCP, then TLS, then the
 * peer is judged, then handed over); connections in are accepted by `listenTcp` and upgraded by `acceptTls`.
 * Security fails closed: a peer that is not plainly good is refused before a byte is written.
 */
export { createBytePump, type BytePump, type BytePumpOptions, type PumpDirection } from './byte-pump.ts'
export { type BulkMover, createBulkMover } from './bulk-mover.ts'
export {
  createConnector,
  type Connector,
  type ConnectorOptions,
  type ConnectResult,
  type ConnectTarget,
  type ConnectTls,
} from './connector.ts'
export { connectWithPreface, type PrefacedConnect } from './connect-with-preface.ts'
export { createDeliveryProbe, type DeliveryProbe } from './delivery-probe.ts'
export { createDnsServer, type DnsAnswers, type DnsServer } from './dns-server.ts'
export { listenTcp, type TcpListener } from './listen-tcp.ts'
export { NetLimits } from './limits.ts'
export { negotiatedProtocol } from './negotiated-protocol.ts'
export {
  createOriginalDestinationReader,
  type OriginalDestination,
  type OriginalDestinationReader,
} from './original-destination.ts'
export { dnsNamesOfPem, hasEcdsaKey, type PeerCertificate, spiffeIdOfPem } from './peer-certificate.ts'
export { type PeerNameMatch, type PeerRequirement, type PeerVerdict } from './peer-verification.ts'
export { type Resolver, systemResolver } from './resolver.ts'
export { createSocketBudget, readFileDescriptorLimit, type SocketBudget } from './socket-budget.ts'
export { ignoringOwner } from './socket-handlers.ts'
export { type InheritedSocket, isSameSocket, socketKey, type SocketName, type SocketSource } from './socket-source.ts'
export { openSocketSyscalls, type SocketSyscalls } from './socket-syscalls.ts'
export { type SocketOwner, type StreamSocket } from './socket-owner.ts'
export { acceptTls, type AcceptTlsOptions, type AcceptTlsResult } from './accept-tls.ts'
export { createKeepaliveSetter, type KeepaliveSetter, type TcpKeepalive } from './tcp-keepalive.ts'
export { createTlsContext, type TlsContext, type TlsContextOptions } from './tls-context.ts'
export {
  bindUdp,
  connectUdp,
  type DatagramOutcome,
  type UdpConnection,
  type UdpConnectionHandler,
  type UdpListener,
  type UdpListenerHandler,
} from './udp-socket.ts'
