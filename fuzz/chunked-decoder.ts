import { ChunkedDecoder, ChunkEvent } from '../src/wire/http1/index.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'
import type { SeededRandom } from './mutate.ts'

const limits = { extensionBytes: 64, trailerBytes: 256 }

interface Decoded {
  readonly payload: string
  readonly outcome: 'end' | 'fault' | 'more'
  /** Where the message ends in the input; what follows a fault is not looked at. */
  readonly end: number
  readonly trailers: string
}

function decode(input: Buffer, pieceLength: () => number): Decoded {
  const decoder = new ChunkedDecoder(limits)
  let payload = ''
  for (let start = 0; start < input.length;) {
    const piece = input.subarray(start, Math.min(input.length, start + pieceLength()))
    for (let at = 0; at < piece.length;) {
      const event = decoder.next(piece, at, piece.length)
      expectThat(decoder.position > at, 'no progress')
      expectThat(decoder.position <= piece.length, 'the position is behind the piece')
      at = decoder.position
      if (event === ChunkEvent.data) payload += piece.toString('latin1', decoder.dataStart, decoder.dataEnd)
      else if (event === ChunkEvent.fault) return { payload, outcome: 'fault', end: -1, trailers: '' }
      else if (event === ChunkEvent.end) {
        return { payload, outcome: 'end', end: start + at, trailers: decoder.trailers?.toString('latin1') ?? '' }
      }
    }
    start += piece.length
  }
  return { payload, outcome: 'more', end: input.length, trailers: '' }
}

/** What the decoder must make of a payload that is sent in chunks of any size. */
function checkRoundTrip(payload: Buffer, random: SeededRandom): void {
  const parts: Buffer[] = []
  for (let at = 0; at < payload.length;) {
    const chunk = payload.subarray(at, at + 1 + random.below(40))
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    at += chunk.length
  }
  const { payload: decoded, outcome } = decode(
    Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]),
    () => 1 + random.below(50),
  )
  expectThat(outcome === 'end' && decoded === payload.toString('latin1'), 'a payload came out otherwise')
}

const texts = [
  '5\r\nhello\r\n0\r\n\r\n',
  'A;x=y\r\n0123456789\r\n1\r\n.\r\n0\r\nX: y\r\nZ: w\r\n\r\nrest',
  '1\r\na\r\n001\r\nb\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
  'fffffffffffff\r\nx',
]

/** The decoder of chunked bodies. */
export const chunkedDecoder: FuzzTarget = {
  name: 'chunked-decoder',
  seeds: texts.map((text) => Buffer.from(text, 'latin1')),
  dictionary: [
    '\r\n',
    '\n',
    '\r',
    '0\r\n\r\n',
    '1\r\na\r\n',
    ';',
    ';a="b"',
    'ffffffffffffffff',
    '0x',
    ' ',
    'X: y\r\n',
    '-1',
    '+1',
  ],
  run(input, random, thorough) {
    const whole = decode(input, () => input.length)
    const text = JSON.stringify(whole)
    forEachCut(input.length, random, thorough, (nextLength) => {
      const pieces = JSON.stringify(decode(input, nextLength))
      expectThat(text === pieces, `${text} at once, ${pieces} in pieces`)
    })
    expectThat(whole.payload.length < input.length || input.length === 0, 'more payload than input')
    expectThat(whole.trailers.length <= limits.trailerBytes + 2, `${whole.trailers.length} bytes of trailers`)
    checkRoundTrip(input, random)
    return `${whole.outcome} ${whole.payload.length} ${whole.trailers.length}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(chunkedDecoder)
