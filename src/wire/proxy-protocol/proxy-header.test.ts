import { expect, test } from 'bun:test'
import { type ProxyHeader, scanProxyHeader } from './scan-header.ts'
import { writeProxyHeader } from './write-header.ts'

const limit = 4096
const four = { source: { address: '192.0.2.1', port: 40_000 }, destination: { address: '198.51.100.2', port: 443 } }
const six = { source: { address: '2001:db8::1', port: 1 }, destination: { address: '::1', port: 65_535 } }

function octets(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

function version2(command: number, family: number, body: readonly number[], length = body.length): Uint8Array {
  const signature = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
  return Uint8Array.from([...signature, command, family, length >> 8, length & 255, ...body])
}

const ends4 = [192, 0, 2, 1, 198, 51, 100, 2, 0x9c, 0x40, 1, 0xbb]

test.each<[string, ProxyHeader['version'], ProxyHeader['ends']]>([
  ['version 1, IPv4', 1, four],
  ['version 1, IPv6', 1, six],
  ['version 1, unknown', 1, undefined],
  ['version 2, IPv4', 2, four],
  ['version 2, IPv6', 2, six],
  ['version 2, local', 2, undefined],
])('writeProxyHeader() and scanProxyHeader() agree, cut at every octet: %s', (_title, version, ends) => {
  const header = writeProxyHeader({ version, ends })
  for (let length = 0; length < header.length; length += 1)
    expect(scanProxyHeader(header.subarray(0, length), limit).kind).toBe('incomplete')
  const scan = scanProxyHeader(Uint8Array.from([...header, 13, 10]), limit)
  expect(scan).toEqual({ kind: 'header', header: { version, length: header.length, ends } })
})

test('writeProxyHeader() writes the bytes of the specification', () => {
  expect(Buffer.from(writeProxyHeader({ version: 1, ends: four })).toString()).toBe(
    'PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n',
  )
  expect(writeProxyHeader({ version: 2, ends: four })).toEqual(version2(0x21, 0x11, ends4))
})

test('writeProxyHeader() writes ends of two families as IPv6, and unknown ones as none', () => {
  const mixed = { source: four.source, destination: six.destination }
  expect(Buffer.from(writeProxyHeader({ version: 1, ends: mixed })).toString()).toBe(
    'PROXY TCP6 ::ffff:192.0.2.1 ::1 40000 65535\r\n',
  )
  const scan = scanProxyHeader(writeProxyHeader({ version: 2, ends: mixed }), limit)
  expect(scan.kind === 'header' && scan.header.ends?.source.address).toBe('::ffff:192.0.2.1')
  const pipe = { source: { address: '/run/a', port: 0 }, destination: four.destination }
  expect(Buffer.from(writeProxyHeader({ version: 1, ends: pipe })).toString()).toBe('PROXY UNKNOWN\r\n')
})

test.each([
  ['version 1 UNKNOWN with addresses', octets('PROXY UNKNOWN ffff::1 nonsense\r\n'), undefined],
  ['version 1 with an IPv6 address in long', octets('PROXY TCP6 2001:0db8:0:0:0:0:0:1 ::1 1 65535\r\n'), six],
  ['version 2 with values behind', version2(0x21, 0x11, [...ends4, 4, 0, 2, 9, 9, 0xee, 0, 0]), four],
  ['version 2 LOCAL with anything', version2(0x20, 0xff, [1, 2, 3]), undefined],
  ['version 2 of no family', version2(0x21, 0, []), undefined],
  [
    'version 2 of Unix sockets',
    version2(
      0x21,
      0x31,
      Array.from({ length: 216 }, () => 0),
    ),
    undefined,
  ],
])('scanProxyHeader() reads %s', (_title, bytes, ends) => {
  const scan = scanProxyHeader(bytes, limit)
  expect(scan).toMatchObject({ kind: 'header', header: { length: bytes.length } })
  expect(scan.kind === 'header' ? scan.header.ends : 'none').toEqual(ends)
})

test.each([
  ['octets beyond ASCII', octets('PROXY TCP4 192.0.2.\xe9 198.51.100.2 1 2\r\n')],
  ['no addresses', octets('PROXY TCP4\r\n')],
  ['another family', octets('PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n')],
  ['addresses of the other family', octets('PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n')],
  ['an octet above 255', octets('PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n')],
  ['a leading zero', octets('PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n')],
  ['a port above 65535', octets('PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n')],
  ['a port with a leading zero', octets('PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n')],
  ['two blanks', octets('PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n')],
  ['something behind', octets('PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n')],
  ['a bare line feed', octets('PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n')],
  ['a line without end', octets(`PROXY UNKNOWN ${'a'.repeat(100)}`)],
  ['two colons twice', octets('PROXY TCP6 1::2::3 ::1 1 2\r\n')],
  ['version 3', version2(0x31, 0x11, ends4)],
  ['another command', version2(0x22, 0x11, ends4)],
  ['another address family', version2(0x21, 0x41, ends4)],
  ['datagrams', version2(0x21, 0x12, ends4)],
  ['too few octets for its addresses', version2(0x21, 0x11, ends4.slice(0, 11))],
  ['a value that does not end', version2(0x21, 0x11, [...ends4, 4, 0, 2, 9])],
  ['half a value', version2(0x21, 0x11, [...ends4, 4, 0])],
  ['more octets than the limit', version2(0x21, 0x11, [], limit)],
])('scanProxyHeader() refuses a header with %s', (_title, bytes) => {
  expect(scanProxyHeader(bytes, limit).kind).toBe('malformed')
})

test.each(['GET / HTTP/1.1\r\n', 'PROXX ', 'PROXYTCP4', '\r\nGET', '\r\n\r\n\0\r\nQUIX'])(
  'scanProxyHeader() sees none in %j',
  (text) => {
    expect(scanProxyHeader(octets(text), limit)).toEqual({ kind: 'absent' })
  },
)
