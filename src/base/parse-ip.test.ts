import { expect, test } from 'bun:test'

import { parseIp } from './parse-ip.ts'

test.each([
  ['0.0.0.0', 0n, 4],
  ['255.255.255.255', 0xffffffffn, 4],
  ['::', 0n, 6],
  ['::1', 1n, 6],
  ['::ffff:1.2.3.4', 0xffff01020304n, 6],
  ['1:2:3:4:5:6:7:8', 0x00010002000300040005000600070008n, 6],
])('parseIp() reads %s', (text, value, family) => {
  expect(parseIp(text)).toEqual({ value, family: family === 4 ? 4 : 6 })
})

test.each([
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  '1::2::3',
  '1:2:3',
  '12345::',
  'g::',
  ':',
  '1:2:3:4:5:6:7:8:9',
  '01.2.3.4',
  '::1.2.3.4:5',
  '1.2.3.4::',
  '1.2.3.4:1:2:3:4:5:6',
])('parseIp() refuses %p', (text) => {
  expect(parseIp(text)).toBeUndefined()
})
