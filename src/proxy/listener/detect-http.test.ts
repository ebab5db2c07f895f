import { expect, test } from 'bun:test'
import { detectHttp } from './detect-http.ts'

const limit = 200

function octets(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

test.each<[string, ReturnType<typeof detectHttp>]>([
  ['GET / HTTP/1.1\r\n', 'http/1.1'],
  ['GET / HTTP/1.1\n', 'http/1.1'],
  ['\r\nM-SEARCH * HTTP/1.0\r\n', 'http/1.0'],
  ['CONNECT a:443 HTTP/1.1\r\nHost: a\r\n', 'http/1.1'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'h2c'],
  ['PRI * HTTP/2.0\r\n\r\nXY', 'other'],
  ['PRI / HTTP/1.1\r\n', 'http/1.1'],
  ['GET / HTTP/2.0\r\n', 'other'],
  ['GET /\r\n', 'other'],
  ['GET  / HTTP/1.1\r\n', 'other'],
  ['GET / x HTTP/1.1\r\n', 'other'],
  [' GET / HTTP/1.1\r\n', 'other'],
  ['*3\r\n$3\r\nSET\r\n', 'other'],
  ['\x16\x03\x01', 'other'],
  ['GET /\x01 HTTP/1.1\r\n', 'other'],
  ['EHLO example.org\r\n', 'other'],
  [`GET /${'a'.repeat(200)} HTTP/1.1\r\n`, 'other'],
  ['', 'incomplete'],
  ['GET', 'incomplete'],
  ['GET /', 'incomplete'],
])('detectHttp() takes %j for %s', (text, expected) => {
  expect(detectHttp(octets(text), limit)).toBe(expected)
})

test.each(['GET / HTTP/1.1\r\n', '\r\nGET / HTTP/1.0\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET / x HTTP/1.1\r\n'])(
  'detectHttp() says the same of %j cut at every octet',
  (text) => {
    const bytes = octets(text)
    const whole = detectHttp(bytes, limit)
    const cuts = Array.from({ length: bytes.length }, (_, length) => detectHttp(bytes.subarray(0, length), limit))
    expect(cuts.filter((cut) => cut !== 'incomplete' && cut !== whole)).toEqual([])
  },
)
