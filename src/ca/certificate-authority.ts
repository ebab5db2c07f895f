import 'reflect-metadata'
import { type JsonGeneralName, PemConverter, type PublicKeyType } from '@peculiar/x509'
import { isIP } from 'node:net'
import { type Clock, err, ok, type Result } from '../base/index.ts'
import { parseSpiffeId } from '../identity/index.ts'
import { CaError } from './ca-error.ts'
import { createLeaf, rootAlgorithm } from './certificate-profile.ts'
import { checkCsr } from './csr-policy.ts'
import { openRoot, type Root } from './root-files.ts'

/** Leaves live 24 hours. */
export const leafLifetimeMs = 24 * 60 * 60 * 1000

/** Leaves count from five minutes ago, for peers whose clocks are behind. */
const backdateMs = 5 * 60 * 1000

/** A signed certificate with its chain; PEM. */
export interface IssuedCertificate {
  /** Leaf first; the root is not part of it. */
  readonly certificateChain: string
  /** Milliseconds since the epoch. */
  readonly notAfter: number
}

/** A certificate with a key made here, for the control plane's own servers. */
export interface ServerCertificate extends IssuedCertificate {
  /** PKCS #8 PEM; only ever in memory. */
  readonly privateKey: string
}

/** Issues certificates under one root. */
export interface CertificateAuthority {
  readonly trustDomain: string
  /** PEM of all roots to trust. */
  readonly trustBundle: string
  /** File with the same, for clients of the REST API. */
  readonly bundleFile: string
  /** Signs the key of a request for exactly `spiffeId`; the caller has proved that the requester is that. */
  readonly issue: (csrPem: string, spiffeId: string) => Promise<Result<IssuedCertificate, CaError>>
  /** A fresh key and certificate for `spiffeId`, reachable by these DNS names and IP addresses. */
  readonly issueServer: (spiffeId: string, hosts: readonly string[]) => Promise<ServerCertificate>
}

/**
 * Opens the authority in `directory` (made with a new root at the first start).
 *
 * @throws {CaError} `WEFT_CA_ROOT` if the root's files are unusable or of another trust domain.
 */
export async function openCertificateAuthority(options: {
  readonly directory: string
  readonly trustDomain: string
  readonly clock: Clock
}): Promise<CertificateAuthority> {
  const { directory, trustDomain, clock } = options
  const root = await openRoot(directory, trustDomain, clock.now())
  return {
    trustDomain,
    trustBundle: `${root.certificate.toString('pem')}\n`,
    bundleFile: root.bundleFile,
    issue: async (csrPem, spiffeId) => {
      if (!isSpiffeIdOf(trustDomain, spiffeId)) {
        return err(new CaError('WEFT_CA_IDENTITY', `Expected an identity of ${trustDomain}, got ${spiffeId}`))
      }
      const csr = await checkCsr(csrPem, spiffeId)
      if (!csr.ok) return csr
      const names = [{ type: 'url', value: spiffeId } as const]
      return sign(root, { publicKey: csr.value.publicKey, subject: '', names, now: clock.now() })
    },
    issueServer: async (spiffeId, hosts) => {
      const keys = await crypto.subtle.generateKey(rootAlgorithm, true, ['sign', 'verify'])
      const names: JsonGeneralName[] = [
        { type: 'url', value: spiffeId },
        ...hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ]
      const subject = 'CN=Weft control plane'
      const issued = await sign(root, { publicKey: keys.publicKey, subject, names, now: clock.now() })
      if (!issued.ok) throw issued.error
      const keyBytes = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
      return { ...issued.value, privateKey: `${PemConverter.encode(keyBytes, 'PRIVATE KEY')}\n` }
    },
  }
}

async function sign(
  root: Root,
  request: {
    readonly publicKey: PublicKeyType
    readonly subject: string
    readonly names: readonly JsonGeneralName[]
    readonly now: number
  },
): Promise<Result<IssuedCertificate, CaError>> {
  const { now, publicKey, subject, names } = request
  const issuer = root.certificate
  const notBefore = new Date(Math.max(now - backdateMs, issuer.notBefore.getTime()))
  const notAfter = new Date(Math.min(now + leafLifetimeMs, issuer.notAfter.getTime()))
  if (notAfter.getTime() <= now) {
    return err(new CaError('WEFT_CA_ROOT_EXPIRED', `The root expired at ${issuer.notAfter.toISOString()}`))
  }
  const leaf = await createLeaf({
    issuer,
    issuerKey: root.key,
    publicKey,
    subject,
    names,
    validity: { notBefore, notAfter },
  })
  return ok({ certificateChain: `${leaf.toString('pem')}\n`, notAfter: leaf.notAfter.getTime() })
}

function isSpiffeIdOf(trustDomain: string, spiffeId: string): boolean {
  const parsed = parseSpiffeId(spiffeId)
  return parsed.ok && parsed.value.trustDomain === trustDomain
}
