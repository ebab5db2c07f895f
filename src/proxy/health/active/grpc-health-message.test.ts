import { describe, expect, test } from 'bun:test'

import { decodeServingStatus, encodeHealthRequest } from './grpc-health-message.ts'

function body(hex: string): Buffer {
  const message = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

describe('decodeServingStatus()', () => {
  test.each([
    ['', 0],
    ['08 01', 1],
    ['08 01 08 02', 2],
    // Fields that a newer server may send, of each kind, also with numbers above 15.
    ['10 05 08 01', 1],
    ['88 01 05 08 01', 1],
    ['10 ffffffffffffffffff01 08 01', 1],
    ['09 0102030405060708 08 01', 1],
    ['0d 01020304 08 01', 1],
    ['1a 02 0802 08 01', 1],
    ['9a 01 02 0802 08 01', 1],
  ])('reads %j as %p', (hex, status) => {
    expect(decodeServingStatus(body(hex))).toBe(status)
  })

  test.each(['08', '08 80', '01', '00 00', '09 01', '0d 010203', '1a 05 08', '0b 0c', '08 ff ff ff ff 0f', '88'])(
    'refuses %j',
    (hex) => {
      expect(decodeServingStatus(body(hex))).toBeUndefined()
    },
  )

  test('refuses a prefix that is compressed, cut or of another length', () => {
    const sound = body('08 01')
    expect(decodeServingStatus(Buffer.concat([Buffer.from([1]), sound.subarray(1)]))).toBeUndefined()
    for (let length = 0; length < sound.length; length += 1)
      expect(decodeServingStatus(sound.subarray(0, length))).toBeUndefined()
    expect(decodeServingStatus(Buffer.concat([sound, sound]))).toBeUndefined()
  })
})

test('encodeHealthRequest() writes no name when there is none, and long ones whole', () => {
  expect(encodeHealthRequest('').toString('hex')).toBe('0000000000')
  expect(encodeHealthRequest('a').toString('hex')).toBe('00000000030a0161')
  expect(encodeHealthRequest('x'.repeat(300)).subarray(0, 8).toString('hex')).toBe('000000012f0aac02')
})
