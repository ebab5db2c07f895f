import { describe, expect, test } from 'bun:test'

import { LineReader } from './line-reader.ts'
import { maxLineBytes } from './messages.ts'

describe('LineReader', () => {
  test('push() answers the same lines wherever they are cut, inside of a character too', () => {
    const bytes = Buffer.from('a\n\nb\u00e9\u{1f600}c\nrest')
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const reader = new LineReader()
      const lines = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((piece) => reader.push(piece) ?? ['too long'])
      expect(lines).toEqual(['a', '', 'b\u00e9\u{1f600}c'])
    }
  })

  test('push() refuses a line that is too long, ended or not', () => {
    const longest = 'x'.repeat(maxLineBytes)
    expect(new LineReader().push(Buffer.from(`${longest}\n`))).toEqual([longest])
    expect(new LineReader().push(Buffer.from(`a\n${longest}x\n`))).toBeUndefined()
    const reader = new LineReader()
    expect(reader.push(Buffer.from(longest))).toEqual([])
    expect(reader.push(Buffer.from('x'))).toBeUndefined()
  })
})
