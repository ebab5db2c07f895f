import { describe, expect, test } from 'bun:test'

import { HpackDecoder } from './decoder.ts'
import type { FieldBlock, HpackFault } from './field-block.ts'

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function decoded(decoder: HpackDecoder, wire: string): FieldBlock {
  const block = decoder.decode(hex(wire))
  if (typeof block === 'string') throw new Error(`The block is refused: ${block}`)
  return block
}

function fields(decoder: HpackDecoder, wire: string): readonly string[] {
  const { names, values } = decoded(decoder, wire)
  return names.map((name, index) => `${name}: ${values[index]}`)
}

const requests = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
]
const date1 = 'date: Mon, 21 Oct 2013 20:13:21 GMT'
const date2 = 'date: Mon, 21 Oct 2013 20:13:22 GMT'
const responses = [
  [':status: 302', 'cache-control: private', date1, 'location: https://www.example.com'],
  [':status: 307', 'cache-control: private', date1, 'location: https://www.example.com'],
  [
    ':status: 200',
    'cache-control: private',
    date2,
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
]

/** RFC 7541 appendix C.2: one field each. */
const single: readonly (readonly [title: string, wire: string, field: string, sensitive: boolean])[] = [
  ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', 'custom-key: custom-header', false],
  ['C.2.2', '040c2f73616d706c652f70617468', ':path: /sample/path', false],
  ['C.2.3', '100870617373776f726406736563726574', 'password: secret', true],
  ['C.2.4', '82', ':method: GET', false],
]

/** RFC 7541 appendix C.3 to C.6: three blocks on one connection. */
const sequences: readonly (readonly [
  title: string,
  tableBytes: number,
  wires: readonly string[],
  fields: readonly (readonly string[])[],
])[] = [
  [
    'C.3, requests',
    4096,
    [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    requests,
  ],
  [
    'C.4, requests with Huffman',
    4096,
    [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
    requests,
  ],
  [
    'C.5, responses with evictions',
    256,
    [
      '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
    responses,
  ],
  [
    'C.6, responses with Huffman and evictions',
    256,
    [
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
    responses,
  ],
]

describe('HpackDecoder, examples of RFC 7541', () => {
  for (const [title, wire, field, sensitive] of single) {
    test(`decode() reads ${title}`, () => {
      const decoder = new HpackDecoder()
      expect(fields(decoder, wire)).toEqual([field])
      expect(decoded(new HpackDecoder(), wire).sensitive).toEqual(sensitive ? [0] : [])
    })
  }

  for (const [title, tableBytes, wires, expected] of sequences) {
    test(`decode() reads ${title}`, () => {
      const decoder = new HpackDecoder()
      decoder.setTableLimit(tableBytes)
      // The examples take the smaller table as agreed; on the wire a lowered table must be told.
      if (tableBytes < 4096) expect(fields(decoder, '3fe101')).toEqual([])
      expect(wires.map((wire) => fields(decoder, wire))).toEqual([...expected])
    })
  }
})

describe('HpackDecoder, malformed input', () => {
  const cases: readonly (readonly [title: string, wire: string, fault: HpackFault])[] = [
    ['index 0', '80', 'index-unknown'],
    ['an index beyond the tables', 'be', 'index-unknown'],
    ['a name index beyond the tables', '7e0161', 'index-unknown'],
    ['a name index beyond the tables, without indexing', '0f2f0161', 'index-unknown'],
    ['an integer without its end', 'ff', 'truncated'],
    ['an integer that goes on at the end', 'ff80', 'truncated'],
    ['an integer of five octets', 'ff8080808001', 'integer-too-large'],
    ['an integer of five octets at the end', 'ff80808080', 'integer-too-large'],
    ['a name length of five octets', '007f8080808001', 'integer-too-large'],
    ['a value length of five octets', '0001617f8080808001', 'integer-too-large'],
    ['a size of five octets', '3f8080808001', 'integer-too-large'],
    ['a size without its end', '3f', 'truncated'],
    ['a literal without a name', '00', 'truncated'],
    ['a literal with half a name', '000361', 'truncated'],
    ['a literal without a value', '000161', 'truncated'],
    ['a literal with half a value', '00016105 6161', 'truncated'],
    ['a literal with an indexed name and no value', '04', 'truncated'],
    ['the end of string symbol', '000161 84 ffffffff', 'huffman'],
    ['padding of eight bits', '000161 82 1fff', 'huffman'],
    ['padding of an octet alone', '000161 81 ff', 'huffman'],
    ['padding with a zero', '000161 81 18', 'huffman'],
    ['a name with wrong padding', '00 81 18 0161', 'huffman'],
    ['a size above the limit', '3fe21f', 'table-size-too-large'],
    ['a size after a field', '82 20', 'table-size-misplaced'],
    ['a third size', '20 20 20 82', 'table-size-misplaced'],
  ]
  for (const [title, wire, fault] of cases) {
    test(`decode() refuses ${title}`, () => {
      const decoder = new HpackDecoder()
      expect(decoder.decode(hex(wire))).toBe(fault)
      // For ever: what the dynamic table holds is not known any more.
      expect(decoder.decode(hex('82'))).toBe(fault)
    })
  }

  test('decode() refuses every proper beginning of a field, and reads the beginnings that end between fields', () => {
    const wire = hex('828684418cf1e3c2e5f23a6ba0ab90f4ff5886a8eb10649cbf100870617373776f726406736563726574')
    const whole = new Map([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [17, 4],
      [25, 5],
      [wire.length, 6],
    ])
    for (let end = 0; end <= wire.length; end += 1) {
      const block = new HpackDecoder().decode(wire, 0, end)
      expect(typeof block === 'string' ? block : block.names.length).toBe(whole.get(end) ?? 'truncated')
    }
  })
})

describe('HpackDecoder, table size', () => {
  test('decode() refuses a block that does not obey a lowered limit', () => {
    const decoder = new HpackDecoder()
    decoder.setTableLimit(100)
    expect(decoder.decode(hex('82'))).toBe('table-size-not-lowered')
  })

  test('decode() takes the lowest and then the final size when the limit went down and up', () => {
    const wire = '20 3f45 82'
    const decoder = new HpackDecoder()
    decoder.setTableLimit(0)
    decoder.setTableLimit(100)
    expect(fields(decoder, wire)).toEqual([':method: GET'])
    const other = new HpackDecoder()
    other.setTableLimit(0)
    other.setTableLimit(100)
    expect(other.decode(hex('3f45 82'))).toBe('table-size-not-lowered')
  })

  test('decode() forgets entries when the table shrinks', () => {
    const decoder = new HpackDecoder()
    expect(fields(decoder, '4001610162 be')).toEqual(['a: b', 'a: b'])
    expect(fields(decoder, '20 82')).toEqual([':method: GET'])
    expect(decoder.decode(hex('be'))).toBe('index-unknown')
  })

  test('decode() empties the table when an entry is larger than it', () => {
    const decoder = new HpackDecoder({ tableBytes: 64 })
    decoder.setTableLimit(64)
    expect(fields(decoder, '3f21 4001610162 be')).toEqual(['a: b', 'a: b'])
    const long = Buffer.concat([hex('4001617f00'), Buffer.alloc(127, 0x62)])
    expect(typeof decoder.decode(long)).toBe('object')
    expect(decoder.decode(hex('be'))).toBe('index-unknown')
  })
})

describe('HpackDecoder, limits', () => {
  test('decode() marks a section of too many fields, and keeps the table in step', () => {
    const decoder = new HpackDecoder({ fieldCount: 2 })
    const block = decoded(decoder, '82 84 4001610162')
    expect(block.tooLarge).toBe(true)
    expect(block.names).toEqual([':method', ':path'])
    expect(block.bytes).toBe(42 + 38 + 34)
    expect(fields(decoder, 'be')).toEqual(['a: b'])
  })

  test.each([
    ['name', { nameBytes: 3 }, '00 04 61616161 01 62'],
    ['Huffman name', { nameBytes: 3 }, '00 83 18c63f 01 62'],
    ['value', { valueBytes: 3 }, '00 01 62 04 61616161'],
    ['section', { sectionBytes: 36 }, '00 01 62 04 61616161'],
  ])('decode() drops a field with too long a %s, counts it, and marks the section', (_, limits, wire) => {
    const block = decoded(new HpackDecoder(limits), wire)
    expect(block).toMatchObject({ names: [], tooLarge: true, bytes: 37 })
  })

  test('decode() counts a string that is too long to be kept, and empties the table when it was to be added', () => {
    const decoder = new HpackDecoder({ valueBytes: 16 })
    expect(fields(decoder, '4001610162')).toEqual(['a: b'])
    const value = Buffer.concat([hex('4001617fa11f'), Buffer.alloc(4128, 0x62), hex('82')])
    const block = decoder.decode(value)
    expect(block).toMatchObject({ names: [':method'], tooLarge: true, bytes: 1 + 4128 + 32 + 42 })
    expect(decoder.decode(hex('be'))).toBe('index-unknown')
  })

  test('decode() gives up a bomb of references to one large entry while it decodes', () => {
    const value = Buffer.concat([hex('4001617fa11e'), Buffer.alloc(4000, 0x62)])
    const bomb = Buffer.concat([value, Buffer.alloc(50_000, 0xbe)])
    const decoder = new HpackDecoder()
    expect(decoder.decode(bomb)).toBe('decoded-too-large')
    // Short of the point where decoding is given up, the kept fields are within the section's bound.
    const smaller = new HpackDecoder().decode(bomb.subarray(0, value.length + 50))
    if (typeof smaller === 'string') throw new Error(smaller)
    expect(smaller.tooLarge).toBe(true)
    expect(smaller.bytes).toBe(51 * 4033)
    expect(smaller.values.reduce((sum, one) => sum + one.length + 33, 0)).toBeLessThanOrEqual(61_440)
  })

  test('decode() gives up a bomb of empty fields', () => {
    expect(new HpackDecoder().decode(Buffer.alloc(60_000, 0x90))).toBe('decoded-too-large')
  })
})

describe('HpackDecoder, remembered blocks', () => {
  test('decode() gives the same object for the same bytes while the table is unchanged', () => {
    const decoder = new HpackDecoder()
    expect(fields(decoder, '4001610162')).toEqual(['a: b'])
    const first = decoded(decoder, '82 be')
    expect(decoded(decoder, '82 be')).toBe(first)
    expect(decoded(decoder, '84 be')).not.toBe(first)
    expect(decoded(decoder, '82 be')).toBe(first)
  })

  test('decode() decodes anew when the table has changed', () => {
    const decoder = new HpackDecoder()
    expect(fields(decoder, '4001610162')).toEqual(['a: b'])
    expect(fields(decoder, '82 be')).toEqual([':method: GET', 'a: b'])
    expect(fields(decoder, '4001630164')).toEqual(['c: d'])
    expect(fields(decoder, '82 be')).toEqual([':method: GET', 'c: d'])
    expect(fields(decoder, '20')).toEqual([])
    expect(decoder.decode(hex('82 be'))).toBe('index-unknown')
  })
})
