import { type FieldBlock, HpackDecoder, HpackEncoder } from '../src/wire/http2/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const limits = { sectionBytes: 1000, fieldCount: 20, nameBytes: 100, valueBytes: 300, decodedBytes: 20_000 }

function checkBlock(block: FieldBlock): void {
  const { names, values, sensitive, bytes, tooLarge } = block
  expectThat(names.length === values.length, `${names.length} names, ${values.length} values`)
  expectThat(names.length <= limits.fieldCount, `${names.length} fields`)
  let kept = 0
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? ''
    kept += name.length + value.length + 32
    expectThat(
      name.length <= limits.nameBytes && value.length <= limits.valueBytes,
      'a string is longer than its limit',
    )
    // oxlint-disable-next-line no-control-regex
    expectThat(/^[\x00-\xff]*$/.test(name + value), 'a character that is no octet')
  }
  expectThat(kept <= limits.sectionBytes, `${kept} octets are kept`)
  expectThat(tooLarge ? kept <= bytes : kept === bytes, `${kept} octets are kept of ${bytes}`)
  expectThat(
    sensitive.every((index) => index >= 0 && index < names.length),
    'a sensitive field that is not there',
  )
}

/** Field blocks of one connection, each behind its length in one octet; what was decoded is encoded and decoded again. */
export const http2Hpack: FuzzTarget = {
  name: 'http2-hpack',
  seeds: [
    '06828684be58086e6f2d6361636865',
    '11828684410f7777772e6578616d706c652e636f6d03828684',
    '14400a637573746f6d2d6b65790c637573746f6d2d76616c01be01c0',
    '0e828641 8cf1e3c2e5f23a6ba0ab90f4ff04828684be',
    '023fe11f0120033f810f820101203fe11f82',
    '1240889 9f6a4998d8ec98e88f1d2a8e2f5c09a5f02bebf',
    '10100870617373776f72640673656372657402ff80',
  ].map((text) => Buffer.from(text.replaceAll(' ', ''), 'hex')),
  dictionary: [
    '\x82\x86\x84',
    '\x3f\xe1\x1f',
    '\x20',
    '\x40\x01a\x01b',
    '\xbe',
    '\xff\x80\x01',
    '\x00\x81\xff',
    '\x10\x01a\x01b',
  ],
  run(input) {
    const decoder = new HpackDecoder(limits)
    const encoder = new HpackEncoder()
    const second = new HpackDecoder()
    const answers: string[] = []
    let position = 0
    while (position < input.length) {
      const end = Math.min(input.length, position + 1 + (input[position] ?? 0))
      const block = decoder.decode(input, position + 1, end)
      position = end
      if (typeof block === 'string') {
        expectThat(decoder.decode(Buffer.from([0x82])) === block, 'a decoder goes on after a fault')
        return `${answers.join()} ${block}`
      }
      checkBlock(block)
      encoder.begin()
      for (const [index, name] of block.names.entries()) encoder.field(name, block.values[index] ?? '')
      const again = second.decode(encoder.bytes, 0, encoder.length)
      expectThat(typeof again !== 'string', 'our own block is refused')
      const same = JSON.stringify([again.names, again.values]) === JSON.stringify([block.names, block.values])
      expectThat(same, 'our own block means something else')
      answers.push(`${block.names.length}${block.tooLarge ? 'L' : ''}${block.sensitive.length > 0 ? 'S' : ''}`)
    }
    return answers.join()
  },
}

if (import.meta.main) await fuzzFromCommandLine(http2Hpack)
