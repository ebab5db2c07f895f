/**
 * `bun bench/hpack.ts`: nanoseconds that a field block takes to decode and to encode, for a request as a browser or a gRPC client sends
 * it: the first of a connection, one whose path and request id differ from the last, and one that came before.
 */
import { HpackDecoder, HpackEncoder } from '../src/wire/http2/index.ts'

type Fields = readonly (readonly [name: string, value: string])[]

const rounds = 9
const blocks = 20_000

function request(number: number): Fields {
  return [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', `/api/v1/products/${number}?currency=EUR`],
    [':authority', 'productpage.default.svc.cluster.local'],
    ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
    ['accept', 'application/json'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['x-request-id', `7f9c24e5-4b1e-4f0e-9d5b-${String(number).padStart(12, '0')}`],
    ['x-forwarded-proto', 'https'],
    ['cookie', 'session=0123456789abcdef0123456789abcdef'],
  ]
}

const same: Fields = request(1).filter(([name]) => name !== ':path' && name !== 'x-request-id')

function encode(encoder: HpackEncoder, fields: Fields): Buffer {
  encoder.begin()
  for (const [name, value] of fields) encoder.field(name, value)
  return encoder.bytes.subarray(0, encoder.length)
}

function decode(decoder: HpackDecoder, block: Buffer): void {
  if (typeof decoder.decode(block) === 'string') throw new Error('The block is refused')
}

/** Median of the rounds, nanoseconds for each block. */
function measure(title: string, octets: number, work: (block: number) => void): void {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now()
    for (let block = 0; block < blocks; block += 1) work(block)
    times.push(((performance.now() - start) * 1e6) / blocks)
  }
  const median = times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
  console.log(`${title.padEnd(44)} ${String(octets).padStart(5)} octets ${median.toFixed(0).padStart(7)} ns`)
}

const requests = Array.from({ length: blocks }, (_, number) => request(number))
const encoder = new HpackEncoder()
const first = Buffer.from(encode(encoder, request(0)))
const later = requests.map((fields) => Buffer.from(encode(encoder, fields)))
const known = Buffer.from(encode(encoder, same))
const decoder = new HpackDecoder()
decode(decoder, first)

measure('decode, first of a connection', first.length, () => decode(new HpackDecoder(), first))
measure('decode, path and request id are new', later[0]?.length ?? 0, (block) => decode(decoder, later[block] ?? first))
measure('decode, same block again (remembered)', known.length, () => decode(decoder, known))
const forgetful = new HpackDecoder({ rememberedBlockBytes: 0 })
decode(forgetful, first)
measure('decode, same block again (not remembered)', known.length, () => decode(forgetful, known))
measure('encode, first of a connection', first.length, () => encode(new HpackEncoder(), request(0)))
measure('encode, path and request id are new', later[0]?.length ?? 0, (block) =>
  encode(encoder, requests[block] ?? same),
)
measure('encode, same block again', known.length, () => encode(encoder, same))
