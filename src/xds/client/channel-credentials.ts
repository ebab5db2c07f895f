import { checkServerIdentity, type PeerCertificate } from 'node:tls'

/** A condition on the server's subject alternative names. */
export interface ServerNameMatch {
  readonly type: 'uri' | 'dns' | 'ip'
  readonly kind: 'exact' | 'prefix' | 'suffix'
  readonly value: string
}

/** How a channel to the control plane is secured. */
export interface ChannelIdentity {
  /** `host:port` as it is dialled. */
  readonly address: string
  /** PEM; the server's certificate must chain to one of these. */
  readonly trustBundle: string
  /** PEM; absent: no client certificate. */
  readonly certificate: { readonly certificateChain: string; readonly privateKey: string } | undefined
  /** One of these must hold; empty: the certificate must be for the address that was dialled. */
  readonly serverNames: readonly ServerNameMatch[]
}

/** How a connection to a gRPC server is secured. */
export type ChannelCredentials =
  | { readonly kind: 'plaintext' }
  | {
      readonly kind: 'tls'
      /** PEM. */
      readonly trustBundle: string
      readonly certificate: ChannelIdentity['certificate']
      /** Judges the names of a server whose chain is good; an error refuses it. */
      readonly checkServer: (peer: PeerCertificate) => Error | undefined
    }

/** For a control plane whose cluster has no transport socket. */
export const plaintextCredentials: ChannelCredentials = { kind: 'plaintext' }

/** TLS credentials for a channel. The control plane is trusted by its name, not only by its issuer: every workload has a certificate of the same root. */
export function createChannelCredentials(identity: ChannelIdentity): ChannelCredentials {
  const { address, certificate, serverNames, trustBundle } = identity
  return {
    kind: 'tls',
    trustBundle,
    certificate,
    checkServer: (peer) =>
      serverNames.length > 0 ? checkNames(peer, serverNames) : checkServerIdentity(hostOf(address), peer),
  }
}

/** The host of `host:port`, without brackets. */
export function hostOf(address: string): string {
  const host = address.slice(0, Math.max(0, address.lastIndexOf(':')))
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function checkNames(peer: PeerCertificate, matches: readonly ServerNameMatch[]): Error | undefined {
  const text = peer.subjectaltname ?? ''
  // Names with odd characters are printed in quotes and could hide a separator; no name that we look for needs them.
  const names = text.includes('"') ? [] : text.split(', ')
  const isMatched = names.some((name) => matches.some((match) => isMatch(name, match)))
  return isMatched
    ? undefined
    : new Error(`The control plane's certificate is for ${text}, which no match of the bootstrap accepts`)
}

const prefixes = { uri: 'URI:', dns: 'DNS:', ip: 'IP Address:' } as const

function isMatch(name: string, match: ServerNameMatch): boolean {
  const prefix = prefixes[match.type]
  if (!name.startsWith(prefix)) return false
  const value = name.slice(prefix.length)
  if (match.kind === 'exact') return value === match.value
  return match.kind === 'prefix' ? value.startsWith(match.value) : value.endsWith(match.value)
}
