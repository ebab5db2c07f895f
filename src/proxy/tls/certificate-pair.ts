import type { ClientTlsConfig, ServerTlsConfig } from '../config/index.ts'
import type { SecretTable } from './secret-table.ts'

/** A certificate and the trust beside it, as `/certs` shows them: PEM texts, empty when there is none. No key. */
export interface CertificatePair {
  /** Name of the secret, or where the TLS context stands. */
  readonly name: string
  readonly certificateChain: string
  readonly trustedCa: string
}

/** What TLS contexts use now; those with the same certificate and trust stand once. */
export function certificatePairs(
  secrets: SecretTable,
  contexts: Iterable<{ readonly owner: string; readonly tls: ClientTlsConfig | ServerTlsConfig }>,
): readonly CertificatePair[] {
  const pairs = new Map<string, CertificatePair>()
  for (const { owner, tls } of contexts) {
    const { certificate, validation } = tls
    const certificateChain = certificate === undefined ? '' : (secrets.certificate(certificate)?.certificateChain ?? '')
    const trustedCa = validation === undefined ? '' : (secrets.validation(validation)?.trustedCa ?? '')
    const name = certificate?.kind === 'named' ? certificate.name : owner
    if (certificateChain !== '' || trustedCa !== '')
      pairs.set(`${certificateChain}\0${trustedCa}`, { name, certificateChain, trustedCa })
  }
  return [...pairs.values()]
}
