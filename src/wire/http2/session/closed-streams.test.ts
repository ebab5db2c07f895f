import { expect, test } from 'bun:test'

import { ClosedStreams, Ending } from './closed-streams.ts'

test('find() knows the latest streams, and tells forgotten ones from those that never were', () => {
  const streams = new ClosedStreams(4)
  expect(streams.find(1)).toBe(Ending.unknown)
  streams.add(1, Ending.ended)
  streams.add(3, Ending.resetByUs)
  streams.add(7, Ending.resetByPeer)
  expect([1, 3, 5, 7, 9].map((id) => streams.find(id))).toEqual([
    Ending.ended,
    Ending.resetByUs,
    Ending.unknown,
    Ending.resetByPeer,
    Ending.unknown,
  ])
  streams.add(9, Ending.ended)
  expect(streams.find(1)).toBe(Ending.forgotten)
  streams.add(1, Ending.resetByUs)
  expect([streams.find(1), streams.find(9)]).toEqual([Ending.forgotten, Ending.ended])
})

test('find() knows the highest ids', () => {
  const streams = new ClosedStreams(4)
  streams.add(0x7fff_ffff, Ending.ended)
  expect(streams.find(0x7fff_ffff)).toBe(Ending.ended)
  expect(streams.find(0x7fff_fff7)).toBe(Ending.forgotten)
})
