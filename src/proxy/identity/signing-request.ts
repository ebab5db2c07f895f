import { generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'

/** A fresh key and the request to have it signed; PEM. */
export interface SigningRequest {
  /** PKCS #8; never leaves this machine, never logged. */
  readonly privateKey: string
  /** PKCS #10 with the SPIFFE id as its only name. */
  readonly csr: string
}

const generateKeys = promisify(generateKeyPair)

/** Makes an ECDSA P-256 key and a signing request for `spiffeId`. A new key for each certificate, so that a leaked one ages out. */
export async function createSigningRequest(spiffeId: string): Promise<SigningRequest> {
  const { privateKey, publicKey } = await generateKeys('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { privateKey: key, csr: pem('CERTIFICATE REQUEST', certificationRequest(spiffeId, { privateKey, publicKey })) }
}

/*
 * The request is always of this one shape, so it is written here: an X.509 library would cost every proxy 70 ms of its
 * start and 15 MB for good. The signer's side parses anything and uses one.
 */

/** Tags of X.690. */
const tag = { boolean: 1, integer: 2, bitString: 3, octetString: 4, oid: 6, sequence: 0x30, set: 0x31 } as const

/** `[0]` constructed: the attributes of a request. `[6]`: `uniformResourceIdentifier` of a GeneralName. */
const attributesTag = 0xa0
const uriTag = 0x86

/** Contents of the object identifiers. */
const extensionRequest = Buffer.from('2a864886f70d01090e', 'hex') // 1.2.840.113549.1.9.14
const subjectAltName = Buffer.from('551d11', 'hex') // 2.5.29.17
const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex') // 1.2.840.10045.4.3.2

/** RFC 2986, section 4: no subject, one attribute, the critical SubjectAltName (RFC 5280: critical when the subject is empty). */
function certificationRequest(
  uri: string,
  { privateKey, publicKey }: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
): Buffer {
  const names = der(tag.sequence, der(uriTag, Buffer.from(uri, 'ascii')))
  const isCritical = der(tag.boolean, Buffer.from([0xff]))
  const extension = der(tag.sequence, der(tag.oid, subjectAltName), isCritical, der(tag.octetString, names))
  const info = der(
    tag.sequence,
    der(tag.integer, Buffer.from([0])),
    der(tag.sequence),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(attributesTag, der(tag.sequence, der(tag.oid, extensionRequest), der(tag.set, der(tag.sequence, extension)))),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', info, privateKey)])
  const algorithm = der(tag.sequence, der(tag.oid, ecdsaWithSha256))
  return der(tag.sequence, info, algorithm, der(tag.bitString, signature))
}

/** One DER value: tag, length, contents. */
function der(tagByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  // A SPIFFE id has at most 2048 bytes: two bytes of length are enough for all that is written here.
  const head =
    length < 0x80
      ? [tagByte, length]
      : length < 0x100
        ? [tagByte, 0x81, length]
        : [tagByte, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), contents])
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}
