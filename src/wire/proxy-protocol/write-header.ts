import { isIpv4, parseIpv6 } from './ip-text.ts'
import { type ProxyAddress, type ProxyHeader, signature2 } from './scan-header.ts'

/** What a header says. */
export type ProxyHeaderFields = Pick<ProxyHeader, 'version' | 'ends'>

/** The octets of a header. Without ends, or when an address is no IP address: `UNKNOWN` in version 1, `LOCAL` in version 2. */
export function writeProxyHeader({ version, ends }: ProxyHeaderFields): Uint8Array {
  const family = ends === undefined ? undefined : familyOf(ends.source.address, ends.destination.address)
  return version === 1 ? writeVersion1(ends, family) : writeVersion2(ends, family)
}

type Ends = ProxyHeader['ends']

/** 6 when either is: an IPv4 address is then written as an IPv4-mapped one, as both must be of one family. */
function familyOf(source: string, destination: string): 4 | 6 | undefined {
  if (isIpv4(source) && isIpv4(destination)) return 4
  return groupsOf(source) === undefined || groupsOf(destination) === undefined ? undefined : 6
}

function writeVersion1(ends: Ends, family: 4 | 6 | undefined): Uint8Array {
  const encoder = new TextEncoder()
  if (ends === undefined || family === undefined) return encoder.encode('PROXY UNKNOWN\r\n')
  const text = ({ address }: ProxyAddress): string => (family === 6 && isIpv4(address) ? `::ffff:${address}` : address)
  const { source, destination } = ends
  return encoder.encode(
    `PROXY TCP${family} ${text(source)} ${text(destination)} ${source.port} ${destination.port}\r\n`,
  )
}

function writeVersion2(ends: Ends, family: 4 | 6 | undefined): Uint8Array {
  const width = family === undefined ? 0 : family === 4 ? 4 : 16
  const bytes = new Uint8Array(16 + (width === 0 ? 0 : 2 * width + 4))
  const view = new DataView(bytes.buffer)
  bytes.set(signature2)
  bytes[12] = width === 0 ? 0x20 : 0x21
  bytes[13] = width === 0 ? 0 : width === 4 ? 0x11 : 0x21
  view.setUint16(14, bytes.length - 16)
  if (ends === undefined || width === 0) return bytes
  writeAddress(view, 16, { address: ends.source.address, width })
  writeAddress(view, 16 + width, { address: ends.destination.address, width })
  view.setUint16(16 + 2 * width, ends.source.port)
  view.setUint16(18 + 2 * width, ends.destination.port)
  return bytes
}

function writeAddress(
  view: DataView,
  at: number,
  { address, width }: { readonly address: string; readonly width: 4 | 16 },
): void {
  if (width === 4) address.split('.').forEach((octet, index) => view.setUint8(at + index, Number(octet)))
  else groupsOf(address)?.forEach((group, index) => view.setUint16(at + 2 * index, group))
}

function groupsOf(address: string): readonly number[] | undefined {
  return parseIpv6(isIpv4(address) ? `::ffff:${address}` : address)
}
