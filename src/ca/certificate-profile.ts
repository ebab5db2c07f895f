/** The one place that says what stands in a certificate of Weft's. `reflect-metadata` must load before the X.509 library. */
import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  ExtendedKeyUsage,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  type PublicKeyType,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { randomBytes } from 'node:crypto'

/** ECDSA P-256 with SHA-256: what the root signs with. */
export const rootAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** When a certificate counts. */
export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** What a leaf says. */
export interface LeafProfile {
  readonly issuer: X509Certificate
  readonly issuerKey: CryptoKey
  readonly publicKey: PublicKeyType
  /** Empty for workloads: the SPIFFE id is the only name. */
  readonly subject: string
  readonly names: readonly JsonGeneralName[]
  readonly validity: Validity
}

/** A self-signed root: CA, path length 0, signs certificates and revocation lists, named by its trust domain's SPIFFE id. */
export async function createRoot(
  keys: CryptoKeyPair,
  trustDomain: string,
  validity: Validity,
): Promise<X509Certificate> {
  return X509CertificateGenerator.createSelfSigned({
    serialNumber: createSerialNumber(),
    name: `O=${trustDomain}, CN=Weft root`,
    ...validity,
    signingAlgorithm: rootAlgorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
}

/**
 * A leaf after the X.509-SVID standard: CA false, digital signature, TLS client and server, the names in a SAN that is
 * critical when there is no subject (RFC 5280 section 4.2.1.6).
 */
export async function createLeaf(profile: LeafProfile): Promise<X509Certificate> {
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension([...profile.names], profile.subject === ''),
    await SubjectKeyIdentifierExtension.create(profile.publicKey),
    await AuthorityKeyIdentifierExtension.create(profile.issuer),
  ]
  return X509CertificateGenerator.create({
    serialNumber: createSerialNumber(),
    subject: profile.subject,
    issuer: profile.issuer.subject,
    ...profile.validity,
    signingAlgorithm: rootAlgorithm,
    publicKey: profile.publicKey,
    signingKey: profile.issuerKey,
    extensions,
  })
}

/** 127 random bits, positive and never zero (RFC 5280 section 4.1.2.2). */
function createSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
