/** What a hello is to hold (tests and fuzzing only). */
export interface HelloFields {
  readonly serverName?: string
  readonly alpn?: readonly string[]
  /** Extensions as they are, behind the others. */
  readonly extensions?: readonly (readonly [type: number, body: readonly number[]])[]
  /** Cipher suites; two of TLS 1.3 by default. */
  readonly suites?: readonly number[]
  /** A client of TLS 1.2: it names no supported versions. */
  readonly old?: boolean
  /** No extensions block at all. */
  readonly bare?: boolean
}

const uint16 = (value: number): number[] => [value >> 8, value & 255]
const vector16 = (octets: readonly number[]): number[] => [...uint16(octets.length), ...octets]
const vector8 = (octets: readonly number[]): number[] => [octets.length, ...octets]
const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')]

/** A handshake message (RFC 8446 section 4.1.2). */
export function buildHelloMessage(fields: HelloFields): number[] {
  const extension = (type: number, body: readonly number[]): number[] => [...uint16(type), ...vector16(body)]
  const extensions = [
    ...(fields.old === true ? [] : extension(43, [2, 3, 4])),
    ...(fields.serverName === undefined ? [] : extension(0, vector16([0, ...vector16(ascii(fields.serverName))]))),
    ...(fields.alpn === undefined
      ? []
      : extension(16, vector16(fields.alpn.flatMap((protocol) => vector8(ascii(protocol)))))),
    ...(fields.extensions ?? []).flatMap(([type, body]) => extension(type, body)),
  ]
  const body = [
    ...[3, 3],
    ...Array.from({ length: 32 }, (_, index) => index),
    ...vector8(Array.from({ length: 32 }, () => 7)),
    ...vector16((fields.suites ?? [0x1301, 0x1302]).flatMap(uint16)),
    ...vector8([0]),
    ...(fields.bare === true ? [] : vector16(extensions)),
  ]
  return [1, 0, ...uint16(body.length), ...body]
}

/** Puts a handshake message into records of at most so many octets. */
export function toRecords(message: readonly number[], fragmentBytes = 16_384): Uint8Array {
  const octets: number[] = []
  for (let at = 0; at < message.length; at += fragmentBytes)
    octets.push(22, 3, 1, ...vector16(message.slice(at, at + fragmentBytes)))
  return Uint8Array.from(octets)
}
