import { describe, expect, test } from 'bun:test'

import { isGrpcContentType } from './content-type.ts'
import { GrpcMessageCounter } from './message-counter.ts'
import { encodeGrpcMessage } from './status-message.ts'
import { grpcStatusNames, grpcStatusOfHttp, httpStatusOfGrpc, parseGrpcStatus } from './status.ts'
import { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts'

test.each([
  ['application/grpc', true],
  ['application/grpc+proto', true],
  ['application/grpc-web', false],
  ['application/grpc-web+proto', false],
  ['application/grpcx', false],
  ['application/json', false],
])('isGrpcContentType() of %s', (text, expected) => {
  expect(isGrpcContentType(text)).toBe(expected)
})

test.each([
  ['plain text', 'plain text'],
  ['100%', '100%25'],
  ['é\n~', '%C3%A9%0A~'],
])('encodeGrpcMessage() of %j', (text, expected) => {
  expect(encodeGrpcMessage(Buffer.from(text))).toBe(expected)
})

test.each([
  ['1H', 3_600_000],
  ['99999999M', 5_999_999_940_000],
  ['3S', 3000],
  ['250m', 250],
  ['1u', 1],
  ['1001u', 2],
  ['1n', 1],
  ['0m', 0],
  ['', undefined],
  ['1', undefined],
  ['m', undefined],
  ['123456789m', undefined],
  ['-1m', undefined],
  ['1.5S', undefined],
  ['1s', undefined],
])('parseGrpcTimeout() of %j', (text, expected) => {
  expect(parseGrpcTimeout(text)).toBe(expected)
})

test.each([
  [300, '300m'],
  [99_999_999, '99999999m'],
  [100_000_000, '100000S'],
  [99_999_999_999, '99999999S'],
  [100_000_000_000, '1666666M'],
  [6_000_000_000_000, '1666666H'],
])('formatGrpcTimeout() of %d', (ms, expected) => {
  expect(formatGrpcTimeout(ms)).toBe(expected)
})

describe('status codes', () => {
  test.each([
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [502, 14],
    [503, 14],
    [504, 14],
    [200, 2],
    [500, 2],
  ])('grpcStatusOfHttp() of %d', (http, grpc) => {
    expect(grpcStatusOfHttp(http)).toBe(grpc)
  })

  test('httpStatusOfGrpc() knows every code and nothing beyond', () => {
    expect(grpcStatusNames.map((_, code) => httpStatusOfGrpc(code))).toEqual([
      200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
    ])
    expect(httpStatusOfGrpc(17)).toBe(500)
  })

  test.each([
    ['0', 0],
    ['16', 16],
    ['17', 2],
    ['-1', 2],
    ['', 2],
    ['1e1', 2],
    ['00000014', 2],
  ])('parseGrpcStatus() of %j', (text, expected) => {
    expect(parseGrpcStatus(text)).toBe(expected)
  })
})

describe('GrpcMessageCounter', () => {
  const message = (length: number): Buffer => {
    const bytes = Buffer.alloc(5 + length, 0xff)
    bytes[0] = 0
    bytes.writeUInt32BE(length, 1)
    return bytes
  }
  const body = Buffer.concat([message(0), message(3), message(0), message(300), message(1)])

  test('counts the same wherever a body is cut', () => {
    const counter = new GrpcMessageCounter()
    for (let cut = 0; cut <= body.length; cut += 1) {
      counter.reset()
      counter.add(body, 0, cut)
      counter.add(body, cut, body.length)
      expect(counter.count).toBe(5)
    }
    counter.reset()
    for (let at = 0; at < body.length; at += 1) counter.add(body, at, at + 1)
    expect(counter.count).toBe(5)
  })

  test('reads lengths as unsigned', () => {
    const counter = new GrpcMessageCounter()
    counter.add(Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]), 0, 8)
    counter.add(body, 0, body.length)
    expect(counter.count).toBe(1)
  })
})
