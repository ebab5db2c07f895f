import { describe, expect, test } from 'bun:test'
import { buildHelloMessage, type HelloFields, toRecords } from './client-hello.fixture.ts'
import { type ClientHelloScan, scanClientHello } from './client-hello.ts'

const limit = 16_384

function scan(fields: HelloFields, fragmentBytes?: number): ClientHelloScan {
  return scanClientHello(toRecords(buildHelloMessage(fields), fragmentBytes), limit)
}

function hello(serverName: string, alpn: readonly string[], ecdsa = false): ClientHelloScan {
  return { kind: 'hello', hello: { serverName, alpn, ecdsa } }
}

test.each<[string, HelloFields, ClientHelloScan]>([
  [
    'a name and protocols',
    { serverName: 'a.example', alpn: ['h2', 'http/1.1'] },
    hello('a.example', ['h2', 'http/1.1']),
  ],
  ['a name in capitals', { serverName: 'A.Example' }, hello('a.example', [])],
  ['protocols only', { alpn: ['istio'] }, hello('', ['istio'])],
  ['neither', {}, hello('', [])],
  ['no extensions', { bare: true }, hello('', [])],
  [
    'a grease extension',
    {
      serverName: 'a',
      extensions: [
        [0x0a0a, []],
        [0x1a1a, [0]],
      ],
    },
    hello('a', []),
  ],
  ['ECDSA among its signatures', { extensions: [[13, [0, 4, 8, 4, 4, 3]]] }, hello('', [], true)],
  ['RSA signatures only', { extensions: [[13, [0, 4, 8, 4, 4, 1]]] }, hello('', [])],
  ['TLS 1.2 and ECDSA suites', { old: true, suites: [0x9c, 0xc02b] }, hello('', [], true)],
  ['TLS 1.2 and RSA suites', { old: true, suites: [0xc02f], extensions: [[13, [0, 2, 4, 3]]] }, hello('', [])],
  ['half a signature algorithm', { extensions: [[13, [0, 1, 4]]] }, hello('', [])],
  ['an empty protocol', { alpn: ['h2', ''] }, hello('', [])],
  ['protocols without their list', { extensions: [[16, [0]]] }, hello('', [])],
])('scanClientHello() reads a hello with %s', (_title, fields, expected) => {
  expect(scan(fields)).toEqual(expected)
})

test.each([1, 3, 4, 5, 100])('scanClientHello() reads a hello spread over records of %d octets', (fragmentBytes) => {
  const fields = { serverName: 'a.example', alpn: ['h2'] }
  expect(scan(fields, fragmentBytes)).toEqual(hello('a.example', ['h2']))
})

test.each<[string, HelloFields]>([
  ['two names', { serverName: 'a', extensions: [[0, [0, 4, 0, 0, 1, 98]]] }],
  ['two lists of protocols', { alpn: ['h2'], extensions: [[16, [0, 3, 2, 104, 50]]] }],
  ['a name of another type', { extensions: [[0, [0, 4, 1, 0, 1, 97]]] }],
  ['two entries in the name', { extensions: [[0, [0, 8, 0, 0, 1, 97, 0, 0, 1, 98]]] }],
  ['an empty name', { serverName: '' }],
  ['a name with a zero', { serverName: 'a\0b' }],
  ['a name of 256 octets', { serverName: 'a'.repeat(256) }],
])('scanClientHello() takes a hello with %s for no TLS', (_title, fields) => {
  expect(scan(fields)).toEqual({ kind: 'not-tls' })
})

test.each([
  ['HTTP', [...Buffer.from('GET / HTTP/1.1\r\n')]],
  ['a record of another type', [23, 3, 1, 0, 1, 1]],
  ['SSL 2', [0x80, 0x2e, 1, 3, 1]],
  ['another major version', [22, 2]],
  ['an empty record', [22, 3, 1, 0, 0]],
  ['a record that is too long', [22, 3, 1, 0x40, 1]],
  ['another handshake message', [22, 3, 1, 0, 4, 2]],
])('scanClientHello() takes %s for no TLS', (_title, octets) => {
  expect(scanClientHello(Uint8Array.from(octets), limit)).toEqual({ kind: 'not-tls' })
})

test('scanClientHello() takes a hello whose lengths do not fit for no TLS', () => {
  const message = buildHelloMessage({ serverName: 'a.example', alpn: ['h2'] })
  for (const at of [38, 71, 72, 77, 79, 80, 84]) {
    const broken = message.with(at, (message[at] ?? 0) + 1)
    expect({ at, scan: scanClientHello(toRecords(broken), limit) }).toEqual({ at, scan: { kind: 'not-tls' } })
  }
})

test('scanClientHello() refuses a long hello by its length, before it has come', () => {
  expect(scanClientHello(Uint8Array.from([22, 3, 1, 0x40, 0, 1, 0, 0x40, 0]), limit)).toEqual({ kind: 'too-large' })
})

describe('scanClientHello() cut at every octet', () => {
  const whole = toRecords(buildHelloMessage({ serverName: 'a.example', alpn: ['h2'] }), 50)
  test('waits for the last octet and does not look behind it', () => {
    for (let length = 0; length < whole.length; length += 1)
      expect(scanClientHello(whole.subarray(0, length), limit)).toEqual({ kind: 'incomplete' })
    expect(scanClientHello(Uint8Array.from([...whole, 1, 2, 3]), limit)).toEqual(hello('a.example', ['h2']))
  })
})
