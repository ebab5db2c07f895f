import { createPrivateKey, X509Certificate } from 'node:crypto'
import { err, MeshError, ok, type Result } from '../../base/index.ts'

/** The proxy's own certificate with its key and whom it trusts; PEM. */
export interface WorkloadCertificate {
  readonly privateKey: string
  /** Leaf first. */
  readonly certificateChain: string
  readonly trustBundle: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** Hexadecimal. */
  readonly serialNumber: string
}

/** Certificates of a trust bundle that are read; a rotation needs two or three. */
const maxRoots = 64

/**
 * Puts a certificate together and checks all that a peer would: the key is the certificate's, the only URI name is
 * `spiffeId`, a root of the bundle signed the chain, and it is valid at `now`.
 */
export function parseWorkloadCertificate(
  pem: { readonly privateKey: string; readonly certificateChain: string; readonly trustBundle: string },
  spiffeId: string,
  now: number,
): Result<WorkloadCertificate, MeshError> {
  const refuse = (message: string, cause?: unknown): Result<WorkloadCertificate, MeshError> => {
    return err(new MeshError('WEFT_PROXY_CERTIFICATE', message, { cause }))
  }
  try {
    const chain = splitCertificates(pem.certificateChain).map((text) => new X509Certificate(text))
    const roots = splitCertificates(pem.trustBundle).map((text) => new X509Certificate(text))
    const [leaf] = chain
    if (leaf === undefined || roots.length === 0)
      return refuse('Expected a certificate and a trust bundle, got an empty one')
    if (!leaf.checkPrivateKey(createPrivateKey(pem.privateKey)))
      return refuse('The certificate is not of the private key beside it')
    if (leaf.subjectAltName !== `URI:${spiffeId}`) {
      return refuse(`Expected a certificate for ${spiffeId}, got one for ${leaf.subjectAltName ?? 'no name'}`)
    }
    if (!isAnchored(chain, roots)) return refuse('No root of the trust bundle signed the certificate')
    const notBefore = Date.parse(leaf.validFrom)
    const notAfter = Date.parse(leaf.validTo)
    if (now >= notAfter) return refuse(`The certificate expired at ${new Date(notAfter).toISOString()}`)
    return ok({ ...pem, notBefore, notAfter, serialNumber: leaf.serialNumber })
  } catch (cause) {
    return refuse('The certificate, its key or the trust bundle cannot be read', cause)
  }
}

function splitCertificates(pem: string): string[] {
  const parts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return parts.slice(0, maxRoots)
}

/** Each certificate is signed by the next one, the last one by a root (or it is one). */
function isAnchored(chain: readonly X509Certificate[], roots: readonly X509Certificate[]): boolean {
  const isSigned = chain.slice(0, -1).every((certificate, index) => {
    const issuer = chain[index + 1]
    return issuer !== undefined && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  })
  const last = chain.at(-1)
  if (!isSigned || last === undefined) return false
  return roots.some((root) => last.fingerprint256 === root.fingerprint256 || last.verify(root.publicKey))
}
