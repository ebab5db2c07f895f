/**
 * Who a workload is (pure): SPIFFE ids, trust domains, and what a peer's certificate proves.
 *
 *     certificate facts -> peerIdentity -> SpiffeId
 *
 * Nothing here opens a socket or reads a certificate's bytes: the caller hands in the facts of a chain that TLS already
 * verified. Ids are compared as whole texts; nothing is folded to lower case or unescaped, so two spellings are never
 * one identity.
 */
export { type IdentityFault } from './identity-fault.ts'
export { peerIdentity } from './peer.ts'
export { formatSpiffeId, parseSpiffeId, spiffeIdOf, trustDomainPrefix, type SpiffeId } from './spiffe-id.ts'
export { parseTrustDomain, type TrustDomain } from './trust-domain.ts'
