import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'

import { ChunkedDecoder, ChunkEvent } from './index.ts'

const limits = { extensionBytes: 16, trailerBytes: 64 }

interface Decoded {
  readonly payload: string
  readonly outcome: 'end' | 'fault' | 'more'
  readonly rest: string
  readonly trailers: string
}

function decode(pieces: readonly Buffer[]): Decoded {
  const decoder = new ChunkedDecoder(limits)
  let payload = ''
  for (const [index, piece] of pieces.entries()) {
    let at = 0
    while (at < piece.length) {
      const event = decoder.next(piece, at, piece.length)
      at = decoder.position
      if (event === ChunkEvent.data) payload += piece.toString('latin1', decoder.dataStart, decoder.dataEnd)
      else if (event === ChunkEvent.fault) return { payload, outcome: 'fault', rest: '', trailers: '' }
      else if (event === ChunkEvent.end) {
        const rest = Buffer.concat([piece.subarray(at), ...pieces.slice(index + 1)]).toString('latin1')
        return { payload, outcome: 'end', rest, trailers: decoder.trailers?.toString('latin1') ?? '' }
      }
    }
  }
  return { payload, outcome: 'more', rest: '', trailers: '' }
}

describe('ChunkedDecoder', () => {
  test.each([
    ['5\r\nhello\r\n0\r\n\r\nGET', { payload: 'hello', outcome: 'end', rest: 'GET', trailers: '' }],
    [
      'A;x=y\r\n0123456789\r\n1\r\n.\r\n0\r\nX: y\r\nZ: w\r\n\r\nrest',
      { payload: '0123456789.', outcome: 'end', rest: 'rest', trailers: 'X: y\r\nZ: w\r\n\r\n' },
    ],
    ['1;a;b=c\r\n.\r\n0;q="x;\\"y"\r\n\r\n', { payload: '.', outcome: 'end', rest: '', trailers: '' }],
    ['1;a="";b\r\n.\r\n0\r\n\r\n', { payload: '.', outcome: 'end', rest: '', trailers: '' }],
    ['000\r\n\r\n', { payload: '', outcome: 'end', rest: '', trailers: '' }],
    ['5\r\nhel', { payload: 'hel', outcome: 'more', rest: '', trailers: '' }],
  ] as const)('decodes %j, also cut at every octet', (text, expected) => {
    const bytes = Buffer.from(text, 'latin1')
    expect(decode([bytes])).toEqual(expected)
    for (let cut = 1; cut < bytes.length; cut += 1)
      expect(decode([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected)
    expect(decode(Array.from(bytes, (octet) => Buffer.from([octet])))).toEqual(expected)
  })

  test.each([
    '0x5\r\nhello\r\n',
    '+5\r\nhello\r\n',
    '-1\r\n',
    ' 5\r\nhello\r\n',
    '5 \r\nhello\r\n',
    '\r\nhello',
    '5_\r\n',
    'g\r\n',
    '5;\r\nhello\r\n',
    '5; a\r\nhello\r\n',
    '5;a b\r\nhello\r\n',
    '5;a;\r\nhello\r\n',
    '5;a;;b\r\nhello\r\n',
    '5;a=\r\nhello\r\n',
    '5;a=;b\r\nhello\r\n',
    '5;=a\r\nhello\r\n',
    '5;a=b=c\r\nhello\r\n',
    '5;"a"\r\nhello\r\n',
    '5;a="b\r\nhello\r\n',
    '5;a="b\\"\r\nhello\r\n',
    '5;a="b"c\r\nhello\r\n',
    '5;a="b\0"\r\nhello\r\n',
    '5;a\nhello\r\n',
    '5;a\rb\r\nhello',
    '5;a\0\r\nhello',
    `5;${'a'.repeat(40)}\r\nhello\r\n`,
    '5\nhello\r\n',
    '5\r\nhello\n',
    '5\r\nhello0\r\n\r\n',
    '5\r\nhello\r0\r\n\r\n',
    '5\rhello\r\n',
    '10000000000000\r\n',
    '0\r\n\r\r',
    '0\r\n\n',
    '0\r\nabc\r\n',
    '0\r\nA: b\n',
    '0\r\nA: \0\r\n',
    '0\r\nA: b\r\n c\r\n',
    '0\r\n: b\r\n',
    '0\r\n\rX',
    `0\r\nX: ${'y'.repeat(80)}\r\n\r\n`,
  ])('refuses %j', (text) => {
    expect(decode([Buffer.from(text, 'latin1')]).outcome).toBe('fault')
    expect(decode(Array.from(Buffer.from(text, 'latin1'), (octet) => Buffer.from([octet]))).outcome).toBe('fault')
  })

  test('any payload in any chunks and any cuts comes back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 70 }),
        (chunks, step) => {
          const encoded = Buffer.concat([
            ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
            Buffer.from('0\r\n\r\n'),
          ])
          const pieces: Buffer[] = []
          for (let at = 0; at < encoded.length; at += step) pieces.push(encoded.subarray(at, at + step))
          const decoded = decode(pieces)
          expect(decoded.outcome).toBe('end')
          expect(decoded.payload).toBe(Buffer.concat(chunks).toString('latin1'))
        },
      ),
    )
  })
})
