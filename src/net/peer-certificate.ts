import { X509Certificate } from 'node:crypto'
import { formatSpiffeId, peerIdentity } from '../identity/index.ts'
import type { StreamSocket } from './socket-owner.ts'

/** Subject alternative names of a peer's certificate, and whether it is valid at a time. */
export interface PeerCertificate {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** Basic constraints `CA:TRUE`. */
  readonly isAuthority: boolean
}

/** Reads the certificate that the peer of a TLS socket showed: `none` when there is none (or the socket is gone), `unreadable` when its names do not parse. */
export function readPeerCertificate(socket: StreamSocket): PeerCertificate | 'none' | 'unreadable' {
  const certificate = socket.getPeerX509Certificate()
  // Bun's types promise a certificate; it is undefined when the peer sent none.
  return certificate === undefined || certificate === null ? 'none' : (readCertificate(certificate) ?? 'unreadable')
}

/** SPIFFE id of the leaf of a PEM chain; empty when it has none or does not parse. */
export function spiffeIdOfPem(chain: string): string {
  try {
    const certificate = readCertificate(new X509Certificate(chain))
    return certificate === undefined ? '' : spiffeIdOf(certificate)
  } catch {
    // The context made of the same text reports what is wrong with it.
    return ''
  }
}

/** DNS names of the leaf of a PEM chain; none when it does not parse. */
export function dnsNamesOfPem(chain: string): readonly string[] {
  try {
    return readCertificate(new X509Certificate(chain))?.dnsNames ?? []
  } catch {
    // As above.
    return []
  }
}

/** True when the leaf of a PEM chain has a key for ECDSA; false too when it does not parse. */
export function hasEcdsaKey(chain: string): boolean {
  try {
    return new X509Certificate(chain).publicKey.asymmetricKeyType === 'ec'
  } catch {
    // As above.
    return false
  }
}

function readCertificate(certificate: X509Certificate): PeerCertificate | undefined {
  const names = parseSubjectAltName(certificate.subjectAltName ?? '')
  if (names === undefined) return undefined
  return {
    ...names,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    isAuthority: certificate.ca,
  }
}

/**
 * Parses the one-line form of subject alternative names that node:crypto prints (`URI:a, DNS:b`). A value with a special
 * character is printed as a JSON string with its commas escaped, so `, ` only ever separates entries. Undefined when an entry does not parse.
 */
function parseSubjectAltName(text: string): Pick<PeerCertificate, 'uris' | 'dnsNames' | 'ipAddresses'> | undefined {
  const uris: string[] = []
  const dnsNames: string[] = []
  const ipAddresses: string[] = []
  for (const entry of text === '' ? [] : text.split(', ')) {
    const colon = entry.indexOf(':')
    if (colon < 0) return undefined
    const value = unquote(entry.slice(colon + 1))
    if (value === undefined) return undefined
    const type = entry.slice(0, colon)
    if (type === 'URI') uris.push(value)
    else if (type === 'DNS') dnsNames.push(value)
    else if (type === 'IP Address') ipAddresses.push(value)
  }
  return { uris, dnsNames, ipAddresses }
}

/** SPIFFE id that a leaf certificate proves; empty when it proves none (no or several URI names, an authority's certificate, a malformed id). */
export function spiffeIdOf(certificate: PeerCertificate): string {
  // Node's API does not tell the key usage; an authority is told by its basic constraints.
  const identity = peerIdentity({ uriNames: certificate.uris, isAuthority: certificate.isAuthority, maySign: false })
  return identity.ok ? formatSpiffeId(identity.value) : ''
}

function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return value
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'string' ? parsed : undefined
  } catch {
    // Not the form that node:crypto prints: the caller refuses the certificate.
    return undefined
  }
}
