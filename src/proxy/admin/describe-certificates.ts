import { X509Certificate } from 'node:crypto'
import type { AdminSource } from './admin-source.ts'
import { json } from './replies.ts'

const dayMs = 24 * 3600 * 1000

/** `/certs`: certificates and trust anchors in use, with names and days left; never a key. */
export function describeCertificates({ certificates }: AdminSource): Response {
  const now = Date.now()
  return json({
    certificates: certificates().map(({ name, certificateChain, trustedCa }) => ({
      ca_cert: describePem(name, trustedCa, now),
      cert_chain: describePem(name, certificateChain, now),
    })),
  })
}

function describePem(path: string, pem: string, now: number): readonly object[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((block) => {
    try {
      return [describeOne(path, new X509Certificate(block), now)]
    } catch {
      // A certificate that cannot be read was refused where it is used; this page shows what serves.
      return []
    }
  })
}

function describeOne(path: string, certificate: X509Certificate, now: number): object {
  const expires = Date.parse(certificate.validTo)
  return {
    path,
    subject: certificate.subject?.replaceAll('\n', ', ') ?? '',
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: namesOf(certificate.subjectAltName ?? ''),
    days_until_expiration: String(Math.max(0, Math.floor((expires - now) / dayMs))),
    valid_from: new Date(Date.parse(certificate.validFrom)).toISOString(),
    expiration_time: new Date(expires).toISOString(),
  }
}

const kinds: ReadonlyMap<string, string> = new Map([
  ['URI', 'uri'],
  ['DNS', 'dns'],
  ['IP Address', 'ip_address'],
])

/** Node quotes names that hold a comma, so that a plain split cannot be misled by them. */
function namesOf(text: string): readonly Readonly<Record<string, string>>[] {
  return [...text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].flatMap(([, kind = '', value = '']) => {
    const name = kinds.get(kind.trim())
    return name === undefined ? [] : [{ [name]: value }]
  })
}
