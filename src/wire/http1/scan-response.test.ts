import { describe, expect, test } from 'bun:test'

import { FieldTable, Head, HeadFault, responseFraming, scanResponseHead } from './index.ts'

const limits = { headBytes: 1024, fieldCount: 5, fieldBytes: 512 }
const table = new FieldTable()

function scan(text: string): { readonly head: Head; readonly result: number } {
  const bytes = Buffer.from(text, 'latin1')
  const head = new Head(table, limits)
  head.bytes = bytes
  return { head, result: scanResponseHead(head, bytes, bytes.length) }
}

describe('scanResponseHead', () => {
  test.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'length', 'none'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'none', 'none'],
    ['HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n', 'chunked', 'none'],
    ['HTTP/1.0 200 \r\n\r\n', 'until-close', 'none'],
    ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', 'none', 'none'],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'none', 'none'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'none', 'none'],
  ] as const)('responseFraming() of %j', (text, framing, toHead) => {
    const { head, result } = scan(text)
    expect(result).toBe(text.length)
    expect(responseFraming(head, false)).toBe(framing)
    expect(responseFraming(head, true)).toBe(toHead)
    const bytes = Buffer.from(text, 'latin1')
    const drip = new Head(table, limits)
    for (let length = 1; length < bytes.length; length += 1) expect(scanResponseHead(drip, bytes, length)).toBe(0)
    expect(scanResponseHead(drip, bytes, bytes.length)).toBe(text.length)
  })

  test.each([
    ['HTTP/2.0 200 OK\r\n\r\n', HeadFault.startLine],
    ['HTTP/1.2 200 OK\r\n\r\n', HeadFault.version],
    ['HTTP/1.1 20 OK  \r\n\r\n', HeadFault.startLine],
    ['HTTP/1.1 700 OK\r\n\r\n', HeadFault.startLine],
    ['HTTP/1.1 2000 OK\r\n\r\n', HeadFault.startLine],
    ['HTTP/1.1  200 OK\r\n\r\n', HeadFault.startLine],
    ['HTTP/1.1 200 OK\n\n\n\n', HeadFault.lineEnd],
    ['HTTP/1.1 200 O\0K\r\n\r\n', HeadFault.startLine],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', HeadFault.lengthAndEncoding],
    ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', HeadFault.transferEncoding],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', HeadFault.contentLength],
    ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', HeadFault.contentLength],
    ['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n', HeadFault.contentLength],
    ['HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n', HeadFault.contentLength],
    [`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(6)}\r\n`, HeadFault.fieldCount],
    [`HTTP/1.1 200 ${'x'.repeat(2000)}`, HeadFault.headBytes],
    ['<html><body></body></html>', HeadFault.startLine],
  ])('scanResponseHead() refuses %j', (text, fault) => {
    expect(scan(text).result).toBe(fault)
  })
})
