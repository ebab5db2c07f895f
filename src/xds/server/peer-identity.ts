import type { AuthContext } from '@grpc/grpc-js/build/src/auth-context.js'
import { formatSpiffeId, parseSpiffeId } from '../../identity/index.ts'
import type { PeerIdentity } from './contract.ts'

/** Who the peer proved to be. A certificate with no URI SAN, or with several, proves no SPIFFE id (X509-SVID, section 2). */
export function peerIdentity(context: AuthContext | undefined): PeerIdentity {
  const certificate = context?.sslPeerCertificate
  if (certificate === undefined) return { spiffeId: '', serialNumber: '' }
  return { spiffeId: spiffeIdOf(certificate.subjectaltname ?? ''), serialNumber: certificate.serialNumber ?? '' }
}

function spiffeIdOf(names: string): string {
  // Names with odd characters are printed in quotes; no SPIFFE id needs them, and they could hide a separator.
  if (names.includes('"')) return ''
  const uris = names.split(', ').filter((name) => name.startsWith('URI:'))
  const [uri] = uris
  if (uris.length !== 1 || uri === undefined) return ''
  const id = parseSpiffeId(uri.slice('URI:'.length))
  return id.ok ? formatSpiffeId(id.value) : ''
}
