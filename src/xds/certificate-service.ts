/**
 * `weft.ca.v1.CertificateService/Renew`: a proxy with a valid certificate asks for its next one, over the connection
 * that the old one secures. Both ends use this file.
 */

/** Full method path on the wire. */
export const renewMethodPath = '/weft.ca.v1.CertificateService/Renew'

/** A signing request, PEM (PKCS #10). */
export interface RenewRequest {
  readonly csr: string
}

/** The signed chain, leaf first, and the current trust bundle; PEM. */
export interface RenewResponse {
  readonly certificateChain: string
  readonly trustBundle: string
}

/** Largest message that is read, in bytes; a chain and a bundle of a dozen roots fit many times over. */
export const maxRenewMessageBytes = 256 * 1024

/** Serializes a request: JSON, `{"csr"}`. */
export function encodeRenewRequest(request: RenewRequest): Buffer {
  return Buffer.from(JSON.stringify({ csr: request.csr }))
}

/**
 * Reads a request.
 *
 * @throws {TypeError} If the bytes are not such a message; gRPC answers INTERNAL.
 */
export function decodeRenewRequest(bytes: Uint8Array): RenewRequest {
  return { csr: textField(parseObject(bytes), 'csr') }
}

/** Serializes a response: JSON, `{"certificate_chain", "trust_bundle"}`. */
export function encodeRenewResponse(response: RenewResponse): Buffer {
  return Buffer.from(
    JSON.stringify({ certificate_chain: response.certificateChain, trust_bundle: response.trustBundle }),
  )
}

/**
 * Reads a response.
 *
 * @throws {TypeError} If the bytes are not such a message.
 */
export function decodeRenewResponse(bytes: Uint8Array): RenewResponse {
  const object = parseObject(bytes)
  return {
    certificateChain: textField(object, 'certificate_chain'),
    trustBundle: textField(object, 'trust_bundle'),
  }
}

function parseObject(bytes: Uint8Array): object {
  if (bytes.length > maxRenewMessageBytes)
    throw new TypeError(`Expected at most ${maxRenewMessageBytes} bytes, got ${bytes.length}`)
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
  if (typeof value !== 'object' || value === null) throw new TypeError('Expected a JSON object')
  return value
}

function textField(object: object, name: string): string {
  const value: unknown = Reflect.get(object, name)
  if (typeof value !== 'string') throw new TypeError(`Expected text in ${name}`)
  return value
}
