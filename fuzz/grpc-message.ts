import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

import { decodeServingStatus, encodeHealthRequest } from '../src/proxy/health/active/grpc-health-message.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

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

/** Answers to health checks by gRPC: what is read is what others read; what they refuse is refused. */
export const grpcMessage: FuzzTarget = {
  name: 'grpc-message',
  seeds: [
    '0000000002' + '0801',
    '0000000000',
    '0000000004' + '10050802',
    '000000000b' + '1a0161090102030405060708',
    '0100000000',
  ].map((text) => Buffer.from(text, 'hex')),
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
  ],
  run(input) {
    const answers = [input, framed(input)].map((body) => {
      const status = decodeServingStatus(body)
      const other = statusByLibrary(body)
      // Statuses and fields that a health check never has need not be read.
      expectThat(status === undefined || status === other, `${status}, others read ${other}`)
      return status
    })
    const request = encodeHealthRequest(input.toString('latin1').slice(0, 16_000))
    expectThat(request.readUInt32BE(1) === request.length - 5, 'a prefix that is not the length')
    const reader = new BinaryReader(request.subarray(5))
    if (reader.len > 0) {
      expectThat(
        reader.tag()[0] === 1 && reader.string() === input.toString('latin1').slice(0, 16_000),
        'another service',
      )
    }
    return answers.join()
  },
}

if (import.meta.main) await fuzzFromCommandLine(grpcMessage)
