import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'

import { ConnectionOption, FieldTable, Head, HeadFault, HeadWriter, requestFraming, scanRequestHead } from './index.ts'

const limits = { headBytes: 4096, fieldCount: 20, fieldBytes: 1024 }
const table = new FieldTable(['x-request-id'])

function scan(text: string): { readonly head: Head; readonly result: number } {
  const bytes = Buffer.from(text, 'latin1')
  const head = new Head(table, limits)
  head.bytes = bytes
  return { head, result: scanRequestHead(head, bytes, bytes.length) }
}

function facts(head: Head): unknown {
  return {
    fields: Array.from({ length: head.count }, (_, index) => [head.name(index), head.value(index), head.ids[index]]),
    target: head.bytes.toString('latin1', head.targetStart, head.targetEnd),
    method: head.bytes.toString('latin1', head.start, head.methodEnd),
    odd: head.oddPath,
    query: head.queryMark,
    framing: requestFraming(head),
    length: head.contentLength,
    connection: head.connection,
    end: head.end,
    minor: head.minorVersion,
  }
}

const F = HeadFault
const host = 'Host: a\r\n'
const malformed: readonly (readonly [string, number])[] = [
  ['GET  / HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', F.startLine],
  [' GET / HTTP/1.1\r\nHost: a\r\n\r\n', F.startLine],
  ['GET / HTTP/1.1 \r\nHost: a\r\n\r\n', F.startLine],
  ['GET /  HTTP/1.1\r\nHost: a\r\n\r\n', F.startLine],
  ['GET /\r\n\r\n', F.target],
  ['GET / HTTP/1.10\r\nHost: a\r\n\r\n', F.startLine],
  ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', F.version],
  ['GET / HTTP/1.2\r\nHost: a\r\n\r\n', F.version],
  ['GET / HTTP/0.9\r\nHost: a\r\n\r\n', F.version],
  ['GET / HTTP/5.6', F.version],
  ['GET / HTTP/1:1', F.startLine],
  ['GET / http/1.1\r\nHost: a\r\n\r\n', F.startLine],
  ['GET / HTTP/1.1\nHost: a\n\n', F.lineEnd],
  ['GET / HTTP/1.1\r\nHost: a\n\r\n', F.lineEnd],
  ['GET / HTTP/1.1\r\nHost: a\n', F.lineEnd],
  ['GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n', F.lineEnd],
  ['GET / HTTP/1.1\r\nHost: a\r\n\rX', F.lineEnd],
  ['GET / HTTP/1.1\r\n\n', F.lineEnd],
  ['GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET a HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET * HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT * HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT :443 HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  ['CONNECT a:123456 HTTP/1.1\r\nHost: a\r\n\r\n', F.target],
  [`CONNECT a:443 HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\n`, F.connectContent],
  [`CONNECT a:443 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, F.connectContent],
  ['G=T / HTTP/1.1\r\nHost: a\r\n\r\n', F.startLine],
  [`${'M'.repeat(40)} / HTTP/1.1\r\nHost: a\r\n\r\n`, F.startLine],
  ['GET / HTTP/1.1\r\n\r\n', F.host],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', F.host],
  ['GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', F.host],
  ['GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', F.host],
  ['GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', F.host],
  ['GET / HTTP/1.1\r\nHost:\r\n\r\n', F.host],
  [`GET / HTTP/1.1\r\n X: y\r\n${host}\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X: y\r\n z\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X : y\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X\t: y\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}: y\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X\x00: y\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X\xc3: y\r\n\r\n`, F.fieldName],
  [`GET / HTTP/1.1\r\n${host}X: a\x00b\r\n\r\n`, F.fieldValue],
  [`GET / HTTP/1.1\r\n${host}X: a\x0bb\r\n\r\n`, F.fieldValue],
  [`GET / HTTP/1.1\r\n${host}X: a\x7fb\r\n\r\n`, F.fieldValue],
  [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, F.lengthAndEncoding],
  [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n`, F.lengthAndEncoding],
  [`POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, F.transferEncoding],
  ...['+1', '-1', '0x1', '1 1', '1,1', '1, 1', '1_0', '', ' ', '9999999999999999', '1e3', '\xb9'].map(
    (value) => [`POST / HTTP/1.1\r\n${host}Content-Length: ${value}\r\n\r\n`, F.contentLength] as const,
  ),
  [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, F.contentLength],
  [`POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`, F.contentLength],
  [`GET / HTTP/1.1\r\n${host}Connection: close, HOST\r\n\r\n`, F.connection],
  ...[
    'gzip',
    'chunked, chunked',
    'gzip, chunked',
    ' chunked,',
    ',chunked',
    'xchunked',
    '"chunked"',
    'chunked;a=b',
    'identity',
    'chunked\x0b',
    '',
  ].map(
    (value) =>
      [
        `POST / HTTP/1.1\r\n${host}Transfer-Encoding: ${value}\r\n\r\n`,
        value.includes('\x0b') ? F.fieldValue : F.transferEncoding,
      ] as const,
  ),
  [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, F.transferEncoding],
  [`POST / HTTP/1.1\r\n${host}Transfer-Encoding : chunked\r\n\r\n`, F.fieldName],
  [`POST / HTTP/1.1\r\n${host}Transfer_Encoding: chunked\r\nExpect: 200-ok\r\n\r\n`, F.expectation],
  [`GET / HTTP/1.1\r\n${host}Connection: a b\r\n\r\n`, F.connection],
  [`GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(20)}\r\n`, F.fieldCount],
  [`GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(1100)}\r\n\r\n`, F.fieldBytes],
  [`GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(1100)}`, F.fieldBytes],
  [`GET /${'a'.repeat(5000)} HTTP/1.1\r\n${host}\r\n`, F.headBytes],
  [`GET /${'a'.repeat(5000)}`, F.headBytes],
]

describe('scanRequestHead', () => {
  test.each(malformed)('scanRequestHead() refuses %j', (text, fault) => {
    expect(scan(text).result).toBe(fault)
  })

  test('scanRequestHead() takes a field of the greatest length, wherever its bytes are cut', () => {
    const start = `GET / HTTP/1.1\r\n${host}`
    const bytes = Buffer.from(`${start}X: ${'y'.repeat(limits.fieldBytes - 3)}\r\n\r\n`, 'latin1')
    const head = new Head(table, limits)
    head.bytes = bytes
    const results = Array.from({ length: 4 }, (_, index) => scanRequestHead(head, bytes, bytes.length - 4 + index))
    expect([...results, scanRequestHead(head, bytes, bytes.length)]).toEqual([0, 0, 0, 0, bytes.length])
  })

  test.each(malformed)('scanRequestHead() never accepts a prefix of %j', (text) => {
    const bytes = Buffer.from(text, 'latin1')
    const head = new Head(table, limits)
    for (let length = 1; length < bytes.length; length += 1) {
      expect(scanRequestHead(head, bytes, length)).toBeLessThanOrEqual(0)
      if (head.end > 0) break
    }
  })

  const good = [
    'GET /a/../b%20?x=%2e//#'.replace('#', '') +
      ' HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nX-Request-ID:  \t v w \t\r\n\r\n',
    'POST http://reviews:9080/x HTTP/1.1\r\nHost: other\r\nContent-Length: 0012\r\nConnection: close, X-Foo\r\n\r\n',
    '\r\nOPTIONS * HTTP/1.1\r\nhost: [::1]:80\r\ntransfer-encoding: Chunked\r\nConnection: keep-alive\r\nconnection: Upgrade\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'CONNECT a:443 HTTP/1.1\r\nHost: a\r\nEmpty:\r\nName: caf\xc3\xa9\r\n\r\n',
  ]
  test.each(good)('scanRequestHead() finds the same when %j is split at every octet', (text) => {
    const whole = scan(text)
    expect(whole.result).toBe(text.length)
    const bytes = Buffer.from(text, 'latin1')
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const head = new Head(table, limits)
      head.bytes = bytes
      expect(scanRequestHead(head, bytes, cut)).toBe(0)
      expect(scanRequestHead(head, bytes, bytes.length)).toBe(text.length)
      expect(facts(head)).toEqual(facts(whole.head))
    }
    const drip = new Head(table, limits)
    drip.bytes = bytes
    for (let length = 1; length < bytes.length; length += 1) expect(scanRequestHead(drip, bytes, length)).toBe(0)
    expect(scanRequestHead(drip, bytes, bytes.length)).toBe(text.length)
    expect(facts(drip)).toEqual(facts(whole.head))
  })

  test('scanRequestHead() reads framing, connection options and joined values', () => {
    const { head } = scan(good[1] ?? '')
    expect(head.contentLength).toBe(12)
    expect(requestFraming(head)).toBe('length')
    expect(head.connection).toBe(ConnectionOption.close | ConnectionOption.named)
    expect(head.header('connection')).toBe('close, X-Foo')
    expect(scan(`GET / HTTP/1.1\r\n${host}A: 1\r\na: 2\r\n\r\n`).head.header('a')).toBe('1,2')
    expect(scan(`GET / HTTP/1.1\r\n${host}\r\n`).head.header('__proto__')).toBeUndefined()
  })

  test('written fields scan back to the same fields', () => {
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/)
    const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\x20-\x7e\t\x80-\xff]{0,30}[\x21-\x7e\x80-\xff])?$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(token, value), { maxLength: 10 }), (fields) => {
        const framing = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'expect'])
        const kept = fields.filter(([name]) => !framing.has(name.toLowerCase()))
        const writer = new HeadWriter(16)
        writer.text('GET / HTTP/1.1\r\nhost: a\r\n')
        for (const [name, text] of kept) writer.field(name, text)
        writer.text('\r\n')
        const { head, result } = scan(writer.bytes.toString('latin1', 0, writer.length))
        expect(result).toBe(writer.length)
        expect(
          Array.from({ length: head.count - 1 }, (_, index) => [head.name(index + 1), head.value(index + 1)]),
        ).toEqual(kept)
        const dropped = new Uint8Array(64)
        dropped[1] = 1
        const copy = new HeadWriter(16)
        copy.text('GET / HTTP/1.1\r\nhost: a\r\n')
        copy.fields(head, dropped)
        copy.text('\r\n')
        expect(copy.bytes.subarray(0, copy.length).equals(writer.bytes.subarray(0, writer.length))).toBe(true)
      }),
    )
  })

  test('arbitrary octets never throw', () => {
    const head = new Head(table, limits)
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('', 'GET / HTTP/1.1\r\n', 'GET / HTTP/1.1\r\nHost: a\r\n'),
        (tail, prefix) => {
          const bytes = Buffer.concat([Buffer.from(prefix), tail])
          head.reset()
          const result = scanRequestHead(head, bytes, bytes.length)
          expect(result).toBeLessThanOrEqual(bytes.length)
        },
      ),
    )
  })
})
