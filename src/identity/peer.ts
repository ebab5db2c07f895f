import type { Result } from '../base/index.ts'
import { err } from '../base/index.ts'
import { identityFault, type IdentityFault } from './identity-fault.ts'
import { parseSpiffeId, type SpiffeId } from './spiffe-id.ts'

/** What identity reads of a peer's leaf certificate; the chain itself was verified by TLS. */
export interface PeerCertificate {
  /** All URI subject alternative names, in order. */
  readonly uriNames: readonly string[]
  /** Basic constraints `CA:TRUE`. */
  readonly isAuthority: boolean
  /** Key usage has keyCertSign or cRLSign. */
  readonly maySign: boolean
}

/**
 * The identity that a leaf certificate proves (X.509-SVID 2 and 4): exactly one URI name, and not the certificate of an
 * authority.
 */
export function peerIdentity(certificate: PeerCertificate): Result<SpiffeId, IdentityFault> {
  if (certificate.isAuthority) return err(identityFault('certificate', 'Expected a leaf certificate, got CA:TRUE'))
  if (certificate.maySign) {
    return err(identityFault('certificate', 'Expected a leaf certificate, got one whose key may sign certificates'))
  }
  const [name, ...others] = certificate.uriNames
  if (name === undefined || others.length > 0) {
    return err(identityFault('certificate', `Expected exactly one URI name, got ${certificate.uriNames.length}`))
  }
  return parseSpiffeId(name)
}
