import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'

import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'
import { huffmanDecode } from './huffman-decode.ts'
import { huffmanEncode, huffmanEncodedLength } from './huffman-encode.ts'
import { Indexing } from './indexing-policy.ts'

type Field = readonly [name: string, value: string, indexing?: Indexing | undefined]

function encode(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  encoder.begin()
  for (const [name, value, indexing] of fields) encoder.field(name, value, indexing)
  return Buffer.from(encoder.bytes.subarray(0, encoder.length))
}

function hexOf(encoder: HpackEncoder, fields: readonly Field[]): string {
  return encode(encoder, fields).toString('hex')
}

const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) })

describe('huffmanEncode()', () => {
  test('round trips any octets, in the length that was announced', () => {
    fc.assert(
      fc.property(octets, (text) => {
        const target = Buffer.alloc(text.length * 4)
        const end = huffmanEncode(text, target, 0)
        expect(end).toBe(huffmanEncodedLength(text))
        const decoded = Buffer.alloc(text.length)
        expect(huffmanDecode(target, 0, end, decoded)).toBe(text.length)
        expect(decoded.toString('latin1')).toBe(text)
      }),
    )
  })

  test('round trips every octet beside every other', () => {
    for (let first = 0; first < 256; first += 1) {
      const text = Array.from({ length: 256 }, (_, second) => String.fromCharCode(first, second)).join('')
      const target = Buffer.alloc(text.length * 4)
      const decoded = Buffer.alloc(text.length)
      expect(huffmanDecode(target, 0, huffmanEncode(text, target, 0), decoded)).toBe(text.length)
      expect(decoded.toString('latin1')).toBe(text)
    }
  })
})

describe('HpackEncoder', () => {
  const sequence: readonly (readonly Field[])[] = [
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ],
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
      ['cache-control', 'no-cache'],
    ],
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ],
  ]

  test('field() writes the blocks of RFC 7541 C.4', () => {
    const encoder = new HpackEncoder()
    expect(sequence.map((fields) => hexOf(encoder, fields))).toEqual([
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ])
  })

  test('field() writes a string plainly when Huffman is no shorter', () => {
    expect(hexOf(new HpackEncoder(), [['x', '\u00ff\u0000']])).toBe('40017802ff00')
  })

  test('field() never indexes secrets, nor takes them from the table', () => {
    const encoder = new HpackEncoder()
    const first = hexOf(encoder, [['authorization', 'Basic x']])
    expect(first.slice(0, 4)).toBe('1f08')
    expect(hexOf(encoder, [['authorization', 'Basic x']])).toBe(first)
    encode(encoder, [['x-key', 'v']])
    expect(hexOf(encoder, [['x-key', 'v']])).toBe('be')
    // The name alone may be a reference.
    expect(hexOf(encoder, [['x-key', 'v', Indexing.never]])).toBe('1f2f0176')
  })

  test('field() leaves the table alone for large values, and for values that change until they come again', () => {
    const encoder = new HpackEncoder()
    const large: readonly Field[] = [['x-large', 'v'.repeat(4000)]]
    expect(hexOf(encoder, large)).toBe(hexOf(encoder, large))
    expect(hexOf(encoder, [[':path', '/a']]).startsWith('04')).toBe(true)
    expect(hexOf(encoder, [[':path', '/b']]).startsWith('04')).toBe(true)
    expect(hexOf(encoder, [[':path', '/a']]).startsWith('44')).toBe(true)
    expect(hexOf(encoder, [[':path', '/a']])).toBe('be')
  })

  test('lines() gives what field() gives for the same fields, without what belongs to HTTP/1.1', () => {
    const lines =
      'Host: a\r\nX-One:  1 \r\nConnection: close\r\nauthorization: secret\r\ncontent-length: 5\r\nupgrade: x\r\n'
    const fields: readonly Field[] = [
      ['x-one', '1'],
      ['authorization', 'secret'],
      ['content-length', '5'],
    ]
    const encoder = new HpackEncoder()
    const plain = new HpackEncoder()
    for (let time = 0; time < 4; time += 1) {
      encoder.begin()
      encoder.lines(Buffer.from(lines), 0, lines.length)
      expect(encoder.bytes.toString('hex', 0, encoder.length)).toBe(hexOf(plain, fields))
    }
  })

  test('lines() finds a line again by its octets until its entry is evicted', () => {
    const encoder = new HpackEncoder({ tableBytes: 100 })
    const decoder = new HpackDecoder({ tableBytes: 100 })
    const sets = ['a: 1\r\nb: 2\r\n', 'c: 3\r\nd: 4\r\n', 'a: 1\r\nc: 3\r\n']
    for (let time = 0; time < 9; time += 1) {
      const lines = sets[time % sets.length] ?? ''
      encoder.begin()
      encoder.lines(Buffer.from(lines), 0, lines.length)
      const block = decoder.decode(encoder.bytes, 0, encoder.length)
      if (typeof block === 'string') throw new Error(block)
      expect(block.names.map((name, index) => `${name}: ${block.values[index]}\r\n`).join('')).toBe(lines)
    }
  })

  test('lines() writes what no hop may index so that no hop does', () => {
    const encoder = new HpackEncoder()
    const lines = 'x-key: abc\r\n'
    for (let time = 0; time < 3; time += 1) {
      encoder.begin()
      encoder.lines(Buffer.from(lines), 0, lines.length, ['x-key'])
      expect(encoder.bytes[0]).toBe(0x10)
    }
  })

  test('begin() tells the lowest and the last table size, once', () => {
    const encoder = new HpackEncoder()
    encode(encoder, [['a', 'b']])
    encoder.setTableLimit(0)
    encoder.setTableLimit(100)
    expect(hexOf(encoder, [['a', 'b']])).toBe('203f454001610162')
    expect(hexOf(encoder, [['a', 'b']])).toBe('be')
  })

  test('begin() tells a table that is smaller than the initial one, and no larger one than allowed', () => {
    const encoder = new HpackEncoder({ tableBytes: 0 })
    encoder.setTableLimit(65_536)
    expect(hexOf(encoder, [['a', 'b']])).toBe('200001610162')
    expect(hexOf(encoder, [['a', 'b']])).toBe('0001610162')
    const larger = new HpackEncoder({ tableBytes: 8192 })
    expect(hexOf(larger, [['a', 'b']]).startsWith('40')).toBe(true)
    larger.setTableLimit(65_536)
    expect(hexOf(larger, [['a', 'b']])).toBe('3fe13fbe')
  })

  test('field() refuses characters that are no octets', () => {
    const encoder = new HpackEncoder()
    encoder.begin()
    expect(() => encoder.field('a', '\u0100')).toThrow('no octet')
  })

  const field = fc.tuple(
    fc.oneof(fc.constantFrom(':path', 'cookie', 'authorization', 'x-a', 'accept'), octets),
    fc.oneof(fc.constantFrom('', '/', 'gzip, deflate', 'v'.repeat(60)), octets),
    fc.option(fc.constantFrom(Indexing.incremental, Indexing.without, Indexing.never), { nil: undefined }),
  )
  const step = fc.record({
    limits: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 3 }),
    fields: fc.array(field, { maxLength: 12 }),
  })

  test('what it writes is decoded to the same, through any changes of the table size', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const encoder = new HpackEncoder()
        const decoder = new HpackDecoder()
        for (const { limits, fields } of steps) {
          for (const limit of limits) {
            encoder.setTableLimit(limit)
            decoder.setTableLimit(limit)
          }
          const block = decoder.decode(encode(encoder, fields))
          if (typeof block === 'string') throw new Error(block)
          expect(block.tooLarge).toBe(false)
          expect(block.names.map((name, index) => [name, block.values[index]])).toEqual(
            fields.map(([name, value]) => [name, value]),
          )
          for (const [index, [, , indexing]] of fields.entries()) {
            if (indexing !== undefined) expect(block.sensitive.includes(index)).toBe(indexing === Indexing.never)
          }
        }
      }),
    )
  })

  test('any octets are decoded to a block or a fault', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (blocks) => {
        const decoder = new HpackDecoder()
        for (const block of blocks) expect(['object', 'string']).toContain(typeof decoder.decode(Buffer.from(block)))
      }),
    )
  })
})
