/**
 * The built-in certificate authority: who may get which identity, and for how long.
 *
 *     join token (single use) --+
 *                               +--> csr policy -> leaf with exactly the authorised SPIFFE id, 24 h
 *     mTLS peer (renewal) ------+
 *
 * What a signing request claims never decides: the caller names the SPIFFE id, a request that claims another is refused.
 * Private keys of workloads are never seen here. It must not know of REST, gRPC or the mesh model.
 */
export {
  type CertificateAuthority,
  type IssuedCertificate,
  openCertificateAuthority,
  type ServerCertificate,
} from './certificate-authority.ts'
export { createJoinTokens, type JoinTokenClaims, type JoinTokens } from './join-tokens.ts'
