import { expect, test } from 'bun:test'
import * as fc from 'fast-check'

import { DynamicTable } from './dynamic-table.ts'

type Entry = readonly [name: string, value: string]

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0)
}

/** RFC 7541 sections 4.3 and 4.4, as plainly as can be; newest first. */
function evicted(entries: readonly Entry[], maxBytes: number): readonly Entry[] {
  return sizeOf(entries) <= maxBytes ? entries : evicted(entries.slice(0, -1), maxBytes)
}

test('DynamicTable holds what a plain list would hold, after any additions and changes of size', () => {
  const text = fc.string({ maxLength: 12 })
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(text, text) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2000 }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let maxBytes = 1000
      let model: readonly Entry[] = []
      const table = new DynamicTable(maxBytes)
      for (const one of steps) {
        if (typeof one === 'number') {
          maxBytes = one
          table.resize(one)
          model = evicted(model, maxBytes)
        } else {
          table.add(one[0], one[1])
          model = evicted([one, ...model], maxBytes)
        }
        const held = Array.from({ length: table.count }, (_, position) => [table.name(position), table.value(position)])
        expect(held).toEqual(model.map(([name, value]) => [name, value]))
        expect(table.bytes).toBe(sizeOf(model))
      }
    }),
  )
})

test('evict() refuses to evict from an empty table', () => {
  expect(() => new DynamicTable(100).evict()).toThrow('no entry')
})
