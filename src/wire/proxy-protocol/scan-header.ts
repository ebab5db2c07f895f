import { formatIpv6, isIpv4, parseIpv6 } from './ip-text.ts'

/** One end of a connection. */
export interface ProxyAddress {
  /** IPv4 or IPv6 in canonical text. */
  readonly address: string
  readonly port: number
}

/** A header. */
export interface ProxyHeader {
  readonly version: 1 | 2
  /** Octets of the header; what comes behind belongs to the connection. */
  readonly length: number
  /** Who speaks to whom; undefined when the sender speaks for itself or does not know (`LOCAL`, `UNKNOWN`, `UNSPEC`, Unix sockets). */
  readonly ends: { readonly source: ProxyAddress; readonly destination: ProxyAddress } | undefined
}

/** What the first octets of a connection are. */
export type ProxyHeaderScan =
  | { readonly kind: 'header'; readonly header: ProxyHeader }
  /** So far this may become a header: scan again when more is there. `version` is known when the signature is there whole. */
  | { readonly kind: 'incomplete'; readonly version: 1 | 2 | undefined }
  /** There is no header. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'malformed'; readonly version: 1 | 2; readonly message: string }

/**
 * Reads a header from the first octets of a connection. An answer other than `incomplete` stays the same whatever follows.
 *
 * @param limit Longest header of version 2, octets; its length is checked before it has come. Version 1 has a limit of its own (107).
 */
export function scanProxyHeader(bytes: Uint8Array, limit: number): ProxyHeaderScan {
  const one = matches(bytes, signature1)
  const two = matches(bytes, signature2)
  if (one === 'yes') return scanVersion1(bytes)
  if (two === 'yes') return scanVersion2(bytes, limit)
  return one === 'no' && two === 'no' ? { kind: 'absent' } : { kind: 'incomplete', version: undefined }
}

const signature1 = new TextEncoder().encode('PROXY ')
/** `\r\n\r\n\0\r\nQUIT\n` */
export const signature2: Uint8Array = new Uint8Array([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10])
/** Longest line of version 1 with its end. */
const lineBytes = 107

function matches(bytes: Uint8Array, signature: Uint8Array): 'yes' | 'no' | 'unknown' {
  const length = Math.min(bytes.length, signature.length)
  for (let index = 0; index < length; index += 1) if (bytes[index] !== signature[index]) return 'no'
  return length === signature.length ? 'yes' : 'unknown'
}

function malformed(version: 1 | 2, message: string): ProxyHeaderScan {
  return { kind: 'malformed', version, message }
}

const protocolLine = /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/

function scanVersion1(bytes: Uint8Array): ProxyHeaderScan {
  const end = bytes.subarray(0, lineBytes).indexOf(10)
  if (end < 0) {
    return bytes.length < lineBytes
      ? { kind: 'incomplete', version: 1 }
      : malformed(1, `The line does not end within ${lineBytes} octets`)
  }
  if (bytes[end - 1] !== 13) return malformed(1, 'The line does not end with CR LF')
  const line = String.fromCharCode(...bytes.subarray(0, end - 1))
  const length = end + 1
  // What follows UNKNOWN must be ignored, whatever it is.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'header', header: { version: 1, length, ends: undefined } }
  const parts = protocolLine.exec(line)
  if (parts === null) return malformed(1, 'Expected TCP4, TCP6 or UNKNOWN, two addresses and two ports')
  const [, family, source = '', destination = '', sourcePort, destinationPort] = parts
  const read = family === 'TCP4' ? readIpv4 : readIpv6
  const ends = {
    source: { address: read(source) ?? '', port: Number(sourcePort) },
    destination: { address: read(destination) ?? '', port: Number(destinationPort) },
  }
  if (ends.source.address === '' || ends.destination.address === '')
    return malformed(1, `Expected two addresses of ${family}`)
  if (ends.source.port > 65_535 || ends.destination.port > 65_535) return malformed(1, 'Expected ports up to 65535')
  return { kind: 'header', header: { version: 1, length, ends } }
}

function readIpv4(text: string): string | undefined {
  return isIpv4(text) ? text : undefined
}

function readIpv6(text: string): string | undefined {
  const groups = parseIpv6(text)
  return groups === undefined ? undefined : formatIpv6(groups)
}

/** Octets of the two addresses and ports by family (upper half of the 14th octet). */
const addressBytes: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 12],
  [2, 36],
  [3, 216],
])

function scanVersion2(bytes: Uint8Array, limit: number): ProxyHeaderScan {
  const [versionAndCommand, familyAndProtocol] = [bytes[12], bytes[13]]
  const incomplete: ProxyHeaderScan = { kind: 'incomplete', version: 2 }
  if (versionAndCommand === undefined) return incomplete
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    return malformed(2, `Expected version 2 with LOCAL or PROXY, got ${versionAndCommand}`)
  if (familyAndProtocol === undefined) return incomplete
  const local = versionAndCommand === 0x20
  const family = familyAndProtocol >> 4
  const needed = addressBytes.get(family)
  // UNSPEC, or STREAM: this connection is no datagram.
  if (!local && (needed === undefined || (familyAndProtocol !== 0 && (familyAndProtocol & 15) !== 1)))
    return malformed(2, `Address family and protocol ${familyAndProtocol} are not those of a stream`)
  if (bytes.length < 16) return incomplete
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = 16 + view.getUint16(14)
  if (length > limit) return malformed(2, `The header has ${length} octets, more than ${limit}`)
  if (!local && needed !== undefined && length < 16 + needed)
    return malformed(2, `Expected ${needed} octets of addresses, got ${length - 16}`)
  if (bytes.length < length) return incomplete
  const header = { version: 2, length } as const
  // What follows LOCAL must be ignored, whatever it is.
  if (local) return { kind: 'header', header: { ...header, ends: undefined } }
  if (!areTlvs(view, 16 + (needed ?? 0), length)) return malformed(2, 'A type-length-value does not end in the header')
  if (family === 1) return { kind: 'header', header: { ...header, ends: readEnds(view, 4) } }
  if (family === 2) return { kind: 'header', header: { ...header, ends: readEnds(view, 16) } }
  return { kind: 'header', header: { ...header, ends: undefined } }
}

function readEnds(view: DataView, width: 4 | 16): NonNullable<ProxyHeader['ends']> {
  const read = (at: number): string =>
    width === 4
      ? Array.from({ length: 4 }, (_, index) => view.getUint8(at + index)).join('.')
      : formatIpv6(Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index)))
  const ports = 16 + 2 * width
  return {
    source: { address: read(16), port: view.getUint16(ports) },
    destination: { address: read(16 + width), port: view.getUint16(ports + 2) },
  }
}

/** They are skipped, but must fill the rest of the header exactly. */
function areTlvs(view: DataView, from: number, end: number): boolean {
  let at = from
  while (at < end) {
    if (at + 3 > end) return false
    at += 3 + view.getUint16(at + 1)
  }
  return at === end
}
