import { expect, test } from 'bun:test'

import { encodeTrailerFrame, encodeWebText, grpcWebEncoding, WebTextDecoder } from './web.ts'

const octets = Buffer.from(Array.from({ length: 256 }, (_, index) => (index * 7) & 0xff))

test.each<[string, 'binary' | 'text' | undefined]>([
  ['application/grpc-web', 'binary'],
  ['application/grpc-web+proto', 'binary'],
  ['application/grpc-web-text', 'text'],
  ['application/grpc-web-text+proto', 'text'],
  ['application/grpc', undefined],
  ['application/grpc-web+json', undefined],
])('grpcWebEncoding() of %s', (type, expected) => {
  expect(grpcWebEncoding(type)).toBe(expected)
})

test('WebTextDecoder gives the same wherever a body is cut, with padding in the middle', () => {
  const text = Buffer.from(octets.subarray(0, 100).toString('base64') + octets.subarray(100).toString('base64'))
  const decoder = new WebTextDecoder()
  for (let cut = 0; cut <= text.length; cut += 1) {
    decoder.reset()
    const parts = [decoder.decode(text, 0, cut), decoder.decode(text, cut, text.length)]
    expect(parts.every((part) => part !== undefined)).toBe(true)
    expect(Buffer.concat(parts.filter((part) => part !== undefined)).equals(octets)).toBe(true)
    expect(decoder.complete).toBe(true)
  }
})

test.each(['!AAA', 'A===', '=AAA', 'AA=A', 'AA\n=', 'AAA-'])('WebTextDecoder refuses %j', (text) => {
  const bytes = Buffer.from(text)
  expect(new WebTextDecoder().decode(bytes, 0, bytes.length)).toBeUndefined()
})

test('WebTextDecoder knows what is missing', () => {
  const decoder = new WebTextDecoder()
  const bytes = Buffer.from('AAAAA')
  expect(decoder.decode(bytes, 0, bytes.length)?.length).toBe(3)
  expect(decoder.complete).toBe(false)
})

test('encodeWebText() of each piece decodes to the whole', () => {
  const decoder = new WebTextDecoder()
  for (const cut of [0, 1, 2, 3, 100, 256]) {
    const text = Buffer.concat([encodeWebText(octets, 0, cut), encodeWebText(octets, cut, octets.length)])
    expect(decoder.decode(text, 0, text.length)?.equals(octets)).toBe(true)
  }
})

test('encodeTrailerFrame() writes fields in lower case behind flag and length', () => {
  const frame = encodeTrailerFrame(Buffer.from('Grpc-Status: 5\r\ngrpc-message: a:b\r\n\r\n'))
  expect(frame[0]).toBe(0x80)
  expect(frame.readUInt32BE(1)).toBe(frame.length - 5)
  expect(frame.toString('latin1', 5)).toBe('grpc-status:5\r\ngrpc-message:a:b\r\n')
})
