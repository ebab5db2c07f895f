import type { OriginalDestination, StreamSocket } from '../../net/index.ts'
import type { ListenerConfig } from '../config/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import type { MatchedConnection } from './chain-matcher.ts'
import type { FirstBytes } from './inspect-bytes.ts'

/** What was found out about a connection. */
export interface Findings {
  readonly facts: FirstBytes
  /** Where it was redirected from. */
  readonly original?: OriginalDestination | undefined
}

/** Facts of an accepted connection before TLS. What the PROXY protocol says comes before what the sockets say. */
export function describeDownstream(
  socket: StreamSocket,
  direction: ListenerConfig['direction'],
  { facts, original }: Findings,
): DownstreamInfo {
  const direct = joinAddress(plainAddress(socket.remoteAddress), socket.remotePort)
  const local = facts.ends?.destination ?? { address: plainAddress(socket.localAddress), port: socket.localPort }
  const destination = facts.ends?.destination ?? original ?? local
  const source = facts.ends?.source
  return {
    remoteAddress: source === undefined ? direct : joinAddress(plainAddress(source.address), source.port),
    directRemoteAddress: direct,
    localAddress: joinAddress(local.address, local.port),
    destinationAddress: destination.address,
    destinationPort: destination.port,
    direction,
    tls: false,
    peerSpiffeId: '',
    localSpiffeId: '',
    // TLS that is passed through has a name too.
    serverName: facts.serverName,
    alpn: '',
    detectedProtocol: facts.detectedProtocol,
  }
}

/** What a connection's filter chain is chosen by. */
export function toMatched(socket: StreamSocket, info: DownstreamInfo, facts: FirstBytes): MatchedConnection {
  const direct = plainAddress(socket.remoteAddress)
  const source = facts.ends?.source
  return {
    destinationAddress: info.destinationAddress,
    destinationPort: info.destinationPort,
    serverName: facts.serverName,
    transportProtocol: facts.transportProtocol,
    applicationProtocols: facts.applicationProtocols,
    directSourceAddress: direct,
    sourceAddress: source === undefined ? direct : plainAddress(source.address),
    sourcePort: source?.port ?? socket.remotePort,
  }
}

/** IPv4 addresses of sockets bound to `::` come as `::ffff:1.2.3.4`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function joinAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
