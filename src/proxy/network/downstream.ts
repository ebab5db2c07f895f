/** Facts of an accepted connection, fixed once it is established (after the TLS handshake, if any). */
export interface DownstreamInfo {
  /** `ip:port`; of the client that the PROXY protocol names, if it names one. */
  readonly remoteAddress: string
  /** `ip:port` of the socket's peer, whatever the PROXY protocol says. Absent: `remoteAddress`. */
  readonly directRemoteAddress?: string
  readonly localAddress: string
  /** Address the client meant to reach: the local one, or what SO_ORIGINAL_DST or the PROXY protocol says. */
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
  /** Version of HTTP that the first bytes speak in plain text (`http_inspector`); empty or absent: not looked for, or not HTTP. */
  readonly detectedProtocol?: 'http/1.0' | 'http/1.1' | 'h2c' | ''
}
