import { describe, expect, test } from 'bun:test'

import type { FieldBlock } from '../hpack/field-block.ts'
import { areTrailers, judgeRequest, judgeResponse } from './index.ts'

function block(lines: readonly string[]): FieldBlock {
  const names: string[] = []
  const values: string[] = []
  for (const line of lines) {
    const at = line.indexOf('=', 1)
    names.push(line.slice(0, at))
    values.push(line.slice(at + 1))
  }
  return {
    names,
    values,
    sensitive: [],
    bytes: 0,
    tooLarge: false,
    facts: undefined,
    rendered: undefined,
    remembered: false,
  }
}

const rules = { connectProtocol: false, authorityBytes: 261 }
const start = [':method=GET', ':scheme=http', ':path=/', ':authority=a']
const authority255 = 'a'.repeat(255)

const sound: readonly (readonly string[])[] = [
  start,
  [':path=/a?b=c', ':authority=a:80', ':method=PATCH', ':scheme=https', 'x-a=', 'x-b=a b\tc', 'cookie=\u00ff'],
  [':method=OPTIONS', ':scheme=http', ':path=*', ':authority=a'],
  [':method=GET', ':scheme=http', ':path=/', 'host=a'],
  [...start, 'host=A'],
  [...start, 'te=trailers'],
  [...start, 'content-length=5'],
  [...start, '__proto__=1', 'constructor=2'],
  [':method=CONNECT', ':authority=a:443'],
  [':method=GET', ':scheme=http', ':path=/', `:authority=${authority255}:65535`],
  [':method=GET', ':scheme=http', ':path=/', `host=${authority255}:65535`],
]

const malformed: readonly (readonly string[])[] = [
  [],
  // Missing.
  ...[0, 1, 2, 3].map((index) => start.toSpliced(index, 1)),
  // Twice.
  ...start.map((line) => [...start, line]),
  // After a regular field; unknown; of the other kind.
  [':method=GET', ':scheme=http', ':path=/', 'x=y', ':authority=a'],
  [...start, ':x=y'],
  [...start, ':status=200'],
  [...start, ':=y'],
  // Names.
  ...['', 'X-a', 'a b', 'a\r', 'a:b', 'a\n', 'a\0', 'x\u00e9', '\u212aeep-alive', '\u017fcheme', 'a(', 'a"'].map(
    (name) => [...start, `${name}=y`],
  ),
  // Values.
  ...['a\r', 'a\nb', '\0', ' a', 'a ', '\ta', 'a\t', '\x01', '\x7f', '\u0100', 'a\r\nx: y'].map((value) => [
    ...start,
    `x=${value}`,
  ]),
  // Of one connection.
  ...[
    'connection=close',
    'proxy-connection=keep-alive',
    'keep-alive=1',
    'transfer-encoding=chunked',
    'upgrade=h2c',
  ].map((line) => [...start, line]),
  [...start, 'te=gzip'],
  [...start, 'te=trailers, gzip'],
  // Pseudo-fields.
  ...['', 'G T', 'GET\r', 'G\u00c9T', 'GET ', 'M'.repeat(33)].map((method) => [`:method=${method}`, ...start.slice(1)]),
  ...['', 'HTTP', 'Https', 'ftp', 'http ', 'http\r\n'].map((scheme) => [`:scheme=${scheme}`, ...start.toSpliced(1, 1)]),
  ...['', 'a', '*', ' /', '/ a', '/a#b', '/\r', '/\x7f', '/\u00e9', 'http://a/', '/a\tb', '*/'].map((path) => [
    `:path=${path}`,
    ...start.toSpliced(2, 1),
  ]),
  ...['', 'u@a', 'u:p@a', 'a b', 'a/b', 'a\r', 'a,b', `${authority255}:655351`].map((authority) => [
    ...start.slice(0, 3),
    `:authority=${authority}`,
  ]),
  // Two origins.
  [...start, 'host=b'],
  [...start, 'host='],
  [...start, 'host=a', 'host=a'],
  [...start.slice(0, 3), 'host=u@a'],
  [...start.slice(0, 3), `host=${authority255}:655351`],
  // CONNECT.
  [':method=CONNECT', ':authority=a:443', ':path=/'],
  [':method=CONNECT', ':authority=a:443', ':scheme=http'],
  [':method=CONNECT'],
  [':method=CONNECT', ':authority=a:443', 'content-length=0'],
  [':method=CONNECT', ':protocol=websocket', ':scheme=https', ':path=/', ':authority=a'],
  // Lengths.
  ...['', '+1', '-1', '1 ', '0x1', '1_0', '1,1', '1e3', '9999999999999999', '\u0661'].map((length) => [
    ...start,
    `content-length=${length}`,
  ]),
  [...start, 'content-length=1', 'content-length=1'],
  [...start, 'content-length=0', 'content-length=0'],
]

describe('judgeRequest()', () => {
  test.each(sound.map((lines) => [lines]))('takes %j', (lines) => {
    expect(judgeRequest(block(lines), rules).wellFormed).toBe(true)
  })

  test.each(malformed.map((lines) => [lines]))('refuses %j', (lines) => {
    expect(judgeRequest(block(lines), rules).wellFormed).toBe(false)
  })

  test('takes extended CONNECT only when it is allowed, and whole', () => {
    const lines = [':method=CONNECT', ':protocol=websocket', ':scheme=https', ':path=/chat', ':authority=a']
    const allowed = { ...rules, connectProtocol: true }
    expect(judgeRequest(block(lines), allowed)).toMatchObject({ wellFormed: true, tunnel: true })
    for (let index = 0; index < lines.length; index += 1) {
      // Without `:protocol` it is a wrong CONNECT.
      expect(judgeRequest(block(lines.toSpliced(index, 1)), allowed).wellFormed).toBe(false)
    }
    expect(judgeRequest(block([':method=GET', ...lines.slice(1)]), allowed).wellFormed).toBe(false)
  })

  test('says what the head promises', () => {
    expect(judgeRequest(block([...start, 'content-length=0012']), rules).contentLength).toBe(12)
    expect(judgeRequest(block(start), rules)).toEqual({ wellFormed: true, contentLength: -1, status: 0, tunnel: false })
  })

  test('judges of a head that is too large what is there', () => {
    expect(judgeRequest({ ...block(start.slice(0, 2)), tooLarge: true }, rules).wellFormed).toBe(true)
    expect(judgeRequest({ ...block([...start, 'A=b']), tooLarge: true }, rules).wellFormed).toBe(false)
  })
})

describe('judgeResponse()', () => {
  test.each([[[':status=200']], [[':status=599', 'x=y']], [[':status=100']], [[':status=204', 'content-length=0']]])(
    'takes %j',
    (lines) => {
      expect(judgeResponse(block(lines)).wellFormed).toBe(true)
    },
  )

  test.each([
    [[]],
    [['x=y']],
    [['x=y', ':status=200']],
    [[':status=200', ':status=200']],
    [[':status=200', ':path=/']],
    [[':status=101']],
    [[':status=099']],
    [[':status=600']],
    [[':status=20']],
    [[':status=2000']],
    [[':status=+20']],
    [[':status= 20']],
    [[':status=']],
    [[':status=204', 'content-length=1']],
    [[':status=200', 'content-length=1', 'content-length=1']],
    [[':status=200', 'content-length=0', 'content-length=0']],
    [[':status=200', 'connection=close']],
    [[':status=200', 'transfer-encoding=chunked']],
    [[':status=200', 'x=a\r\nb: c']],
    [[':status=200', 'X=a']],
  ])('refuses %j', (lines) => {
    expect(judgeResponse(block(lines)).wellFormed).toBe(false)
  })
})

test('areTrailers() takes regular fields only', () => {
  expect(areTrailers(block([]))).toBe(true)
  expect(areTrailers(block(['grpc-status=0', 'grpc-message=']))).toBe(true)
  for (const line of [
    ':status=200',
    ':path=/',
    'content-length=1',
    'host=a',
    'te=trailers',
    'connection=close',
    'X=y',
    'x=\n',
  ]) {
    expect(areTrailers(block(['a=b', line]))).toBe(false)
  }
})
