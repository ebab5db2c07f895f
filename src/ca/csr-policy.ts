import 'reflect-metadata'
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension, BasicConstraintsExtension } from '@peculiar/x509'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { err, ok, type Result } from '../base/index.ts'
import { CaError } from './ca-error.ts'

/** Longest request that is read, in characters of PEM; an RSA 4096 request has about 1,700. */
const maxCsrLength = 16 * 1024

/** Sizes of RSA keys that are signed; smaller is weak, larger costs every peer. */
const rsaBits = { min: 2048, max: 4096 } as const

/** Names of the curves as OpenSSL calls them. */
const curves: readonly string[] = ['prime256v1', 'secp384r1']

/**
 * Reads a signing request (PEM) and checks all that must hold before `spiffeId` is signed with its key: the requester
 * has the private key, the key is strong enough, and the request claims no other name and no CA rights. A request without
 * names is fine, since its claims are not what decides.
 *
 * @returns The request, or a `CaError` `WEFT_CA_CSR`.
 */
export async function checkCsr(pem: string, spiffeId: string): Promise<Result<Pkcs10CertificateRequest, CaError>> {
  if (pem.length > maxCsrLength) return refuse(`Expected at most ${maxCsrLength} characters, got ${pem.length}`)
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) return refuse('Expected a PEM CERTIFICATE REQUEST')
  try {
    const csr = new Pkcs10CertificateRequest(pem)
    const fault = keyFault(createPublicKey(csr.publicKey.toString('pem'))) ?? claimFault(csr, spiffeId)
    if (fault !== undefined) return refuse(fault)
    if (!(await csr.verify())) return refuse('Its signature does not fit its key')
    return ok(csr)
  } catch (cause) {
    return err(new CaError('WEFT_CA_CSR', 'Signing request refused: it cannot be parsed', { cause }))
  }
}

function keyFault(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec' && details.namedCurve !== undefined && curves.includes(details.namedCurve)) {
    return undefined
  }
  const bits = details.modulusLength ?? 0
  if (key.asymmetricKeyType === 'rsa' && bits >= rsaBits.min && bits <= rsaBits.max) return undefined
  const got = `${key.asymmetricKeyType ?? 'unknown'} ${details.namedCurve ?? details.modulusLength ?? ''}`.trim()
  return `Expected an EC key on P-256 or P-384 or an RSA key of ${rsaBits.min} to ${rsaBits.max} bits, got ${got}`
}

function claimFault(csr: Pkcs10CertificateRequest, spiffeId: string): string | undefined {
  for (const extension of csr.extensions) {
    if (extension instanceof BasicConstraintsExtension && extension.ca) return 'It asks for the rights of a CA'
    if (!(extension instanceof SubjectAlternativeNameExtension)) continue
    const names = extension.names.items
    const [name] = names
    if (names.length !== 1 || name?.type !== 'url' || name.value !== spiffeId) {
      const got = names.map((item) => `${item.type}:${item.value}`).join(', ')
      return `Expected no name or only URI:${spiffeId}, got ${got}`
    }
  }
  return undefined
}

function refuse(why: string): Result<never, CaError> {
  return err(new CaError('WEFT_CA_CSR', `Signing request refused: ${why}`))
}
