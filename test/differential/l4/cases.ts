import { connect as connectTls } from 'node:tls'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'

import { writeProxyHeader } from '../../../src/wire/proxy-protocol/index.ts'

/** What a client does: it sends these parts, one write each, and then waits to be spoken to. */
export interface TcpCase {
  readonly name: string
  readonly listener: string
  readonly parts: readonly Uint8Array[]
}

/** The client hello of a real client. */
async function captureHello(
  serverName: string,
  alpn: readonly string[],
  maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>()
  const server = createTcpServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      resolve(new Uint8Array(bytes))
      socket.destroy()
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const client = connectTls({
    host: '127.0.0.1',
    port,
    maxVersion,
    ...(serverName === '' ? {} : { servername: serverName }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  })
  client.on('error', () => undefined)
  const hello = await promise
  client.destroy()
  server.close()
  return hello
}

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value, 'latin1'))
}

function bytes(...values: (number | readonly number[])[]): Uint8Array {
  return Uint8Array.from(values.flat())
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function octets(whole: Uint8Array): Uint8Array[] {
  return [...whole].map((octet) => Uint8Array.of(octet))
}

function header(version: 1 | 2, source: string, destination: string): Uint8Array {
  const end = (value: string): { address: string; port: number } => {
    const colon = value.lastIndexOf(':')
    return { address: value.slice(0, colon), port: Number(value.slice(colon + 1)) }
  }
  return writeProxyHeader({ version, ends: { source: end(source), destination: end(destination) } })
}

const signature = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
const ends = [192, 0, 2, 1, 198, 51, 100, 2, 0x9c, 0x40, 1, 0xbb]

function raw2(command: number, family: number, body: readonly number[], length = body.length): Uint8Array {
  return bytes(signature, command, family, length >> 8, length & 255, body)
}

async function detectionCases(): Promise<TcpCase[]> {
  const hello = await captureHello('www.example.com', ['h2'])
  const hellos: [string, Uint8Array][] = [
    ['hello for an exact name', hello],
    ['hello for a name in capitals', await captureHello('WWW.Example.COM', [])],
    ['hello for a name by suffix', await captureHello('x.example.com', ['h2'])],
    ['hello for a name by longer suffix', await captureHello('x.b.example.com', [])],
    ['hello for the suffix itself', await captureHello('example.com', [])],
    ['hello for a name with its protocol', await captureHello('c.test', ['http/1.1', 'h2'])],
    ['hello for a name without its protocol', await captureHello('c.test', ['http/1.1'])],
    ['hello for another name with h2', await captureHello('other.test', ['h2', 'http/1.1'])],
    ['hello for another name with http/1.1', await captureHello('other.test', ['http/1.1', 'h2'])],
    ['hello for another name with istio', await captureHello('other.test', ['unknown', 'istio'])],
    ['hello without name and protocols', await captureHello('', [])],
    ['hello of TLS 1.2', await captureHello('a', [], 'TLSv1.2')],
  ]
  const texts: [string, string][] = [
    ['HTTP/1.1 request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HTTP/1.0 request', 'GET / HTTP/1.0\r\n\r\n'],
    ['POST with a body', 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
    ['text of its own', 'EHLO example.org\r\n'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['MySQL packet', '\x20\0\0\x01\x85\xa6\xff\x01'],
    ['HTTP/2.0 request line', 'GET / HTTP/2.0\r\n\r\n'],
    ['request line without version', 'GET /\r\n'],
  ]
  return [
    ...hellos.map(([name, part]) => ({ name, listener: 'detection', parts: [part] })),
    { name: 'hello octet by octet', listener: 'detection', parts: octets(hello) },
    { name: 'HTTP/1.1 request octet by octet', listener: 'detection', parts: octets(text('GET / HTTP/1.1\r\n\r\n')) },
    { name: 'silent client', listener: 'detection', parts: [] },
    { name: 'half a request line', listener: 'detection', parts: [text('GET /')] },
    { name: 'half a hello', listener: 'detection', parts: [hello.subarray(0, 50)] },
    { name: 'hello with a broken length', listener: 'detection', parts: [hello.with(43, 200)] },
    { name: 'record that is no handshake', listener: 'detection', parts: [bytes(23, 3, 1, 0, 2, 1, 1)] },
    ...texts.map(([name, part]) => ({ name, listener: 'detection', parts: [text(part)] })),
    {
      name: 'hello for a name without an inspector',
      listener: 'no inspector',
      parts: [await captureHello('d.test', [])],
    },
    { name: 'hello for another name without an inspector', listener: 'no inspector', parts: [hello] },
    { name: 'plain text without an inspector', listener: 'no inspector', parts: [text('hello\r\n')] },
    { name: 'silent client without an inspector', listener: 'no inspector', parts: [] },
  ]
}

function addressCases(): TcpCase[] {
  const pairs: [string, string][] = [
    ['192.0.2.1:4000', '198.51.100.2:443'],
    ['192.0.2.1:4000', '10.2.0.1:443'],
    ['192.0.2.1:4000', '10.1.0.1:443'],
    ['2001:db8::9:4000', '2001:db8::1:443'],
    ['192.0.2.1:4000', '10.1.0.1:8443'],
    ['10.0.0.1:4000', '192.0.2.1:8443'],
    ['10.0.0.1:4000', '192.0.2.1:80'],
    ['10.0.0.1:5000', '192.0.2.1:80'],
    ['127.0.0.1:5000', '192.0.2.1:80'],
    ['127.0.0.5:5000', '192.0.2.1:80'],
    ['::1:5000', '2001:db9::1:80'],
    ['192.0.2.1:5000', '192.0.2.1:80'],
    ['172.17.0.1:5000', '192.0.2.1:80'],
    ['2001:db8::9:5000', '2001:db9::1:80'],
    ['203.0.113.1:5000', '192.0.2.1:80'],
    ['192.0.2.1:5000', '198.51.100.2:7'],
    ['203.0.113.1:5000', '198.51.100.2:7'],
  ]
  return pairs.flatMap(([source, destination]) =>
    ([1, 2] as const).map((version) => ({
      name: `version ${version}: ${source} to ${destination}`,
      listener: 'addresses',
      parts: [joined(header(version, source, destination), text('hello'))],
    })),
  )
}

function headerCases(hello: Uint8Array): TcpCase[] {
  const one = header(1, '192.0.2.1:4000', '198.51.100.2:443')
  const two = header(2, '192.0.2.1:4000', '198.51.100.2:443')
  const hi = text('hello')
  const needed: [string, Uint8Array[]][] = [
    ['header octet by octet', octets(joined(one, hi))],
    ['header of version 2 octet by octet', octets(joined(two, hi))],
    ['header, then TLS', [joined(one, hello)]],
    ['no header', [text('GET / HTTP/1.1\r\n\r\n')]],
    ['half a header', [one.subarray(0, 20)]],
    ['half a header of version 2', [two.subarray(0, 20)]],
    ['nothing where a header is needed', []],
    ['UNKNOWN', [joined(text('PROXY UNKNOWN\r\n'), hi)]],
    ['UNKNOWN with addresses', [joined(text('PROXY UNKNOWN ffff:f::1 ffff::2 1 2\r\n'), hi)]],
    ['UDP4', [joined(text('PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n'), hi)]],
    ['invalid UTF-8', [joined(text('PROXY TCP4 192.0.2.\xff\xfe 198.51.100.2 1 2\r\n'), hi)]],
    ['bare LF', [joined(text('PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n'), hi)]],
    ['IPv4 called TCP6', [joined(text('PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n'), hi)]],
    ['port out of range', [joined(text('PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n'), hi)]],
    ['port that is no number', [joined(text('PROXY TCP4 192.0.2.1 198.51.100.2 a 2\r\n'), hi)]],
    ['one address', [joined(text('PROXY TCP4 192.0.2.1 1 2\r\n'), hi)]],
    ['two blanks', [joined(text('PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n'), hi)]],
    ['line without end', [text(`PROXY UNKNOWN ${'a'.repeat(200)}`)]],
    ['LOCAL', [joined(raw2(0x20, 0, []), hi)]],
    ['LOCAL with something behind', [joined(raw2(0x20, 0x11, [1, 2, 3]), hi)]],
    ['version 3', [joined(raw2(0x31, 0x11, ends), hi)]],
    ['unknown command', [joined(raw2(0x22, 0x11, ends), hi)]],
    ['unknown address family', [joined(raw2(0x21, 0x41, ends), hi)]],
    ['datagrams', [joined(raw2(0x21, 0x12, ends), hi)]],
    ['UNSPEC', [joined(raw2(0x21, 0x00, []), hi)]],
    [
      'Unix sockets',
      [
        joined(
          raw2(
            0x21,
            0x31,
            Array.from({ length: 216 }, () => 0),
          ),
          hi,
        ),
      ],
    ],
    ['addresses too short', [joined(raw2(0x21, 0x11, ends.slice(0, 8)), hi)]],
    ['type-length-values', [joined(raw2(0x21, 0x11, [...ends, 4, 0, 2, 1, 1, 0xea, 0, 0]), hi)]],
    ['type-length-value that does not end', [joined(raw2(0x21, 0x11, [...ends, 4, 0, 9, 1]), hi)]],
    [
      'type-length-values of 3 kB',
      [joined(raw2(0x21, 0x11, [...ends, 4, 0x0b, 0xb8, ...Array.from({ length: 3000 }, () => 7)]), hi)],
    ],
    ['header twice', [joined(one, one, hi)]],
  ]
  const others: [string, string, Uint8Array[]][] = [
    ['client told by its own address', 'header allowed', [hi]],
    ['client told by a header of version 1', 'header allowed', [joined(one, hi)]],
    ['client told by a header of version 2', 'header allowed', [joined(two, hi)]],
    ['client told by an IPv6 header', 'header allowed', [joined(header(2, '2001:db8:0:0::1:4000', '::1:443'), hi)]],
    ['client told by LOCAL', 'header allowed', [joined(raw2(0x20, 0, []), hi)]],
    ['malformed header where it is allowed', 'header allowed', [joined(text('PROXY TCP4 x\r\n'), hi)]],
    ['silent client where a header is allowed', 'header allowed', []],
    ['start of a signature where a header is allowed', 'header allowed', [text('PRO')]],
    ['almost a signature where a header is allowed', 'header allowed', [text('PROBLEM\r\n')]],
    ['version 1 where it is disallowed', 'version 2 needed', [joined(one, hi)]],
    ['version 2 where it is needed', 'version 2 needed', [joined(two, hi)]],
    ['IPv6 of version 2', 'version 2 needed', [joined(header(2, '2001:db8::9:4000', '2001:db8::1:443'), hi)]],
    ['LOCAL where version 2 is needed', 'version 2 needed', [joined(raw2(0x20, 0, []), hi)]],
    ['version 2 where it is disallowed and none allowed', 'version 1 allowed', [joined(two, hi)]],
    ['version 1 where version 2 is disallowed', 'version 1 allowed', [joined(one, hi)]],
  ]
  return [
    ...needed.map(([name, parts]) => ({ name, listener: 'header needed', parts })),
    ...others.map(([name, listener, parts]) => ({ name, listener, parts })),
  ]
}

/** All cases; the hellos among them come from a real client. */
export async function makeCases(): Promise<readonly TcpCase[]> {
  return [...(await detectionCases()), ...addressCases(), ...headerCases(await captureHello('a.example', ['h2']))]
}
