import { describe, expect, test } from 'bun:test'

import { HeadWriter } from './head-writer.ts'

describe('HeadWriter', () => {
  test('holds() is true for the one who wrote, and for nobody else', () => {
    const writer = new HeadWriter(16)
    const [one, other] = [{}, {}]
    writer.begin(one)
    expect(writer.holds(one)).toBe(false)
    writer.text('x')
    expect([writer.holds(one), writer.holds(other)]).toEqual([true, false])
    writer.resume(one)
    expect(writer.length).toBe(1)
    writer.resume(other)
    expect([writer.length, writer.holds(one)]).toEqual([0, false])
    writer.text('y')
    writer.reset()
    writer.text('z')
    expect([writer.holds(one), writer.holds(other)]).toEqual([false, false])
  })

  test('number() writes digits', () => {
    const writer = new HeadWriter(4)
    for (const value of [0, 9, 10, 68, 4_294_967_296, Number.MAX_SAFE_INTEGER]) {
      writer.reset()
      writer.number('a: ', value)
      expect(writer.bytes.toString('latin1', 0, writer.length)).toBe(`a: ${value}\r\n`)
    }
  })
})
