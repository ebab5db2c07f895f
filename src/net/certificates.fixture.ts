import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509'

/** An authority for tests. */
export interface TestAuthority {
  /** PEM trust bundle. */
  readonly bundle: string
  readonly issue: (
    options: TestLeafOptions,
  ) => Promise<{ readonly certificateChain: string; readonly privateKey: string }>
}

/** What a test's leaf certificate says. */
export interface TestLeafOptions {
  readonly uris?: readonly string[]
  readonly dnsNames?: readonly string[]
  /** An RSA key; P-256 by default. */
  readonly rsa?: true
  /** A day from now by default. */
  readonly notAfter?: Date
}

const rsaAlgorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
} as const
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const day = 86_400_000

/** Makes an authority with a key of its own (tests only). */
export async function createTestAuthority(name = 'test'): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    serialNumber: '01',
    notBefore: new Date(Date.now() - 30 * day),
    notAfter: new Date(Date.now() + 30 * day),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 1, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
  })
  return { bundle: root.toString('pem'), issue: (options) => issueLeaf(root, keys.privateKey, options) }
}

async function issueLeaf(
  root: X509Certificate,
  signingKey: CryptoKey,
  options: TestLeafOptions,
): Promise<{ readonly certificateChain: string; readonly privateKey: string }> {
  const kind = options.rsa === true ? rsaAlgorithm : algorithm
  const keys = await crypto.subtle.generateKey(kind, true, ['sign', 'verify'])
  const names = [
    ...(options.uris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ]
  const leaf = await X509CertificateGenerator.create({
    subject: 'CN=leaf',
    issuer: root.subject,
    serialNumber: Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex'),
    notBefore: new Date(Date.now() - 2 * day),
    notAfter: options.notAfter ?? new Date(Date.now() + day),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names, true)]),
    ],
  })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const lines = pkcs8.match(/.{1,64}/g) ?? []
  return {
    certificateChain: leaf.toString('pem'),
    privateKey: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
  }
}
