/** Facts of an accepted connection, fixed once it is established (after the TLS handshake, if any). */
export interface DownstreamInfo {
  /** `ip:port`. */
  readonly remoteAddress: string
  readonly localAddress: string
  /** Address the client meant to reach: the local one, or what SO_ORIGINAL_DST says. */
  readonly destinationAddress: string
  readonly destinationPort: number
  readonly direction: 'inbound' | 'outbound' | 'unspecified'
  readonly tls: boolean
  /** Verified SPIFFE id of the peer; empty when there is none. */
  readonly peerSpiffeId: string
  /** SPIFFE id of the certificate served; empty when plain. */
  readonly localSpiffeId: string
  readonly serverName: string
  /** Protocol that the TLS handshake agreed on (ALPN), `h2` for example; empty when none, or when plain. */
  readonly alpn: string
}
