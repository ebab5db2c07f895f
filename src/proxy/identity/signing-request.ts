import 'reflect-metadata'
import { PemConverter, Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A fresh key and the request to have it signed; PEM. */
export interface SigningRequest {
  /** PKCS #8; never leaves this machine, never logged. */
  readonly privateKey: string
  /** PKCS #10 with the SPIFFE id as its only name. */
  readonly csr: string
}

/** Makes an ECDSA P-256 key and a signing request for `spiffeId`. A new key for each certificate, so that a leaked one ages out. */
export async function createSigningRequest(spiffeId: string): Promise<SigningRequest> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }], true)],
  })
  const keyBytes = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { privateKey: `${PemConverter.encode(keyBytes, 'PRIVATE KEY')}\n`, csr: `${request.toString('pem')}\n` }
}
