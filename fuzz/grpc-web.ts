import { encodeWebText, GrpcMessageCounter, WebTextDecoder } from '../src/wire/grpc/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

/** What a body in base64 stands for, in pieces; undefined when it is none. */
function decode(input: Buffer, pieceLength: () => number): Buffer | undefined {
  const decoder = new WebTextDecoder()
  const parts: Buffer[] = []
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + pieceLength())
    const part = decoder.decode(input, at, end)
    if (part === undefined) return undefined
    parts.push(part)
    at = end
  }
  return Buffer.concat(parts)
}

function count(input: Buffer, pieceLength: () => number): number {
  const counter = new GrpcMessageCounter()
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + pieceLength())
    counter.add(input, at, end)
    at = end
  }
  return counter.count
}

const seeds = [
  Buffer.from([0, 0, 0, 0, 2, 104, 105]).toString('base64'),
  'AAAAAAA=AAAAAAIIaA==',
  'AA==AA==AAAA',
  '\0\0\0\0\u0003abc\0\0\0\0\0',
]

/** Bodies of gRPC-Web in base64, and the messages in bodies of gRPC. */
export const grpcWeb: FuzzTarget = {
  name: 'grpc-web',
  seeds: seeds.map((text) => Buffer.from(text, 'latin1')),
  dictionary: ['=', '==', 'AAAA', '\r\n', '\0\0\0\0\0', '\xff\xff\xff\xff', '-', '_'],
  run(input, random) {
    const whole = decode(input, () => input.length)
    const pieces = decode(input, () => 1 + random.below(5))
    const same = whole === undefined ? pieces === undefined : pieces !== undefined && whole.equals(pieces)
    expectThat(same, 'pieces are decoded otherwise')
    expectThat(whole === undefined || whole.length <= (input.length * 3) / 4, 'more comes out than went in')
    const messages = count(input, () => input.length)
    expectThat(messages === count(input, () => 1 + random.below(7)), 'pieces are counted otherwise')
    expectThat(messages <= input.length / 5, 'more messages than prefixes')
    const text = encodeWebText(input, 0, input.length)
    expectThat(decode(text, () => 1 + random.below(9))?.equals(input) === true, 'a body came out otherwise')
    return `${whole?.length ?? 'refused'} ${messages}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(grpcWeb)
