import { expect, test } from 'bun:test'
import { frameMessage, MessageAssembler } from './message-assembler.ts'

test('MessageAssembler gives the same messages wherever the bytes are cut', () => {
  const texts = ['first', '', 'a third one']
  const bytes = Buffer.concat(texts.map((text) => frameMessage(Buffer.from(text))))
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const got: string[] = []
    const assembler = new MessageAssembler(100, (message) => got.push(message.toString()))
    expect(assembler.take(bytes, 0, cut)).toBeUndefined()
    expect(assembler.take(bytes, cut, bytes.length)).toBeUndefined()
    expect(got).toEqual(texts)
    expect(assembler.isBetween).toBe(true)
  }
})

test.each([
  ['a compressed message', Buffer.from([1, 0, 0, 0, 1, 9]), 'compressed'],
  ['a message one byte too long', frameMessage(Buffer.alloc(101)), 'too-large'],
  ['a length of 4 GiB, whose bytes never come', Buffer.from([0, 255, 255, 255, 255]), 'too-large'],
] as const)('MessageAssembler refuses %s', (_, bytes, fault) => {
  const got: Buffer[] = []
  const assembler = new MessageAssembler(100, (message) => got.push(message))
  expect(assembler.take(bytes, 0, bytes.length)).toBe(fault)
  expect(got).toEqual([])
})

test('MessageAssembler takes a message of exactly the bound, and knows that one is begun', () => {
  const got: number[] = []
  const assembler = new MessageAssembler(100, (message) => got.push(message.length))
  const bytes = frameMessage(Buffer.alloc(100))
  assembler.take(bytes, 0, 50)
  expect(assembler.isBetween).toBe(false)
  assembler.take(bytes, 50, bytes.length)
  expect(got).toEqual([100])
})
