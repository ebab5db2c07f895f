import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

import { decodeServingStatus, encodeHealthRequest } from '../src/proxy/health/active/grpc-health-message.ts'
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  encodeTrailerFrame,
  encodeWebText,
  formatGrpcTimeout,
  GrpcMessageCounter,
  parseGrpcStatus,
  parseGrpcTimeout,
  WebTextDecoder,
} from '../src/wire/grpc/index.ts'
import { describeStatus } from '../src/xds/client/grpc-status.ts'
import { frameMessage, MessageAssembler } from '../src/xds/client/message-assembler.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'
import type { SeededRandom } from './mutate.ts'

/** Longest message that is put together. */
const maxMessageBytes = 1_000

/** What another implementation reads; undefined when it cannot. */
function statusByLibrary(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined
  const reader = new BinaryReader(body.subarray(5))
  let status = 0
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag()
      if (field === 1 && type === WireType.Varint) status = reader.int32()
      else reader.skip(type, field)
    }
  } catch {
    return undefined
  }
  return reader.pos === reader.len ? status : undefined
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

function tryHealth(input: Buffer): string {
  const answers = [input, framed(input)].map((body) => {
    const status = decodeServingStatus(body)
    const other = statusByLibrary(body)
    // Statuses that a health check never has need not be read.
    expectThat(status === undefined || status === other, `${status}, others read ${other}`)
    return status
  })
  const service = input.toString('latin1').slice(0, 16_000)
  const request = encodeHealthRequest(service)
  expectThat(request.readUInt32BE(1) === request.length - 5, 'a prefix that is not the length')
  const reader = new BinaryReader(request.subarray(5))
  if (reader.len > 0) expectThat(reader.tag()[0] === 1 && reader.string() === service, 'another service')
  return answers.join()
}

/** What a body in base64 stands for; `bad`, or `cut` behind it. */
function decodeText(input: Buffer, nextLength: () => number): string {
  const decoder = new WebTextDecoder()
  let text = ''
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + nextLength())
    const part = decoder.decode(input, at, end)
    if (part === undefined) return 'bad'
    text += part.toString('hex')
    at = end
  }
  return decoder.complete ? text : `${text} cut`
}

function countMessages(input: Buffer, nextLength: () => number): number {
  const counter = new GrpcMessageCounter()
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + nextLength())
    counter.add(input, at, end)
    at = end
  }
  return counter.count
}

/** Messages of a body, and why it is read no further. */
function assemble(input: Buffer, nextLength: () => number): string {
  const messages: string[] = []
  const assembler = new MessageAssembler(maxMessageBytes, (message) => messages.push(message.toString('hex')))
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + nextLength())
    const fault = assembler.take(input, at, end)
    if (fault !== undefined) return `${messages.join()} ${fault}`
    at = end
  }
  return `${messages.join()} ${assembler.isBetween}`
}

function tryBodies(input: Buffer, random: SeededRandom, thorough: boolean): string {
  const whole = decodeText(input, () => input.length)
  const messages = countMessages(input, () => input.length)
  const assembled = assemble(input, () => input.length)
  forEachCut(input.length, random, thorough, (nextLength) => {
    expectThat(decodeText(input, nextLength) === whole, 'pieces are decoded otherwise')
    expectThat(countMessages(input, nextLength) === messages, 'pieces are counted otherwise')
    expectThat(assemble(input, nextLength) === assembled, 'pieces are put together otherwise')
  })
  expectThat(whole.length / 2 <= (input.length * 3) / 4 + 3, 'more comes out than went in')
  expectThat(messages <= input.length / 5, 'more messages than prefixes')
  const text = encodeWebText(input, 0, input.length)
  expectThat(decodeText(text, () => 1 + random.below(9)) === input.toString('hex'), 'a body came out otherwise')
  const body = Buffer.concat([frameMessage(input.subarray(0, 100)), frameMessage(Buffer.alloc(0))])
  const expected = `${input.toString('hex', 0, 100)}, true`
  expectThat(assemble(body, () => 1 + random.below(9)) === expected, 'messages came out otherwise')
  const frame = encodeTrailerFrame(input)
  expectThat(frame[0] === 0x80 && frame.readUInt32BE(1) === frame.length - 5, 'a frame that is not as long as it says')
  return `${whole === 'bad' ? whole : whole.length} ${messages} ${assembled.split(' ')[1]}`
}

/** `grpc-message`, `grpc-timeout`, `grpc-status`. */
function tryFields(input: Buffer): string {
  const message = encodeGrpcMessage(input)
  const decoded = message.replaceAll(/%([\dA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  expectThat(/^[ -~]*$/.test(message) && decoded === input.toString('latin1'), 'a message came out otherwise')
  const words = input.toString('utf8').toWellFormed()
  expectThat(decodeGrpcMessage(encodeGrpcMessage(Buffer.from(words))) === words, 'a message is read otherwise')
  const text = input.toString('latin1')
  expectThat(describeStatus(2, decodeGrpcMessage(text)).startsWith('2 UNKNOWN'), 'a status that is not told')
  const timeout = parseGrpcTimeout(text)
  if (timeout !== undefined) {
    expectThat(Number.isSafeInteger(timeout) && timeout >= 0, `a timeout of ${timeout} ms`)
    const again = parseGrpcTimeout(formatGrpcTimeout(timeout))
    // In a larger unit what is below it is cut off.
    expectThat(
      again !== undefined && again <= timeout && again >= timeout - 3_600_000,
      `${timeout} ms become ${again} ms`,
    )
  }
  const status = parseGrpcStatus(text)
  expectThat(status >= 0 && status <= 16, `status ${status}`)
  return `${timeout !== undefined} ${status}`
}

const health = [
  '00000000020801',
  '0000000000',
  '000000000410050802',
  '000000000b1a0161090102030405060708',
  '0100000000',
]
const bodies = [
  'AAAAAAJoaQ==',
  'AAAAAAA=AAAAAAIIaA==',
  'AA==AA==AAAA',
  '\0\0\0\0\u0003abc\0\0\0\0\0',
  '100m',
  '99999999H',
  '16',
  'grpc-status: 0\r\n\r\n',
]

/** What gRPC puts into bodies and fields: messages, gRPC-Web in base64, answers to health checks, timeouts. */
export const grpcMessage: FuzzTarget = {
  name: 'grpc-message',
  seeds: [...health.map((text) => Buffer.from(text, 'hex')), ...bodies.map((text) => Buffer.from(text, 'latin1'))],
  dictionary: [
    '\x08\x01',
    '\x08\x80\x01',
    '\x10\x05',
    '\x0d\0\0\0\0',
    '\x09\0\0\0\0\0\0\0\0',
    '\x1a\x00',
    '\x88\x01\x05',
    '\x0b\x0c',
    '\x00\x00',
    '\0\0\0\0\x02',
    '=',
    '==',
    'AAAA',
    '\r\n',
    '\0\0\0\0\0',
    '\xff\xff\xff\xff',
    '-',
    '_',
    '%',
    '9',
    'H',
    'n',
  ],
  run: (input, random, thorough) => [tryHealth(input), tryBodies(input, random, thorough), tryFields(input)].join('|'),
}

if (import.meta.main) await fuzzFromCommandLine(grpcMessage)
