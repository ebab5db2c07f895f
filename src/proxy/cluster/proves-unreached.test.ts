import { expect, test } from 'bun:test'
import type { DeliveryProbe, StreamSocket } from '../../net/index.ts'
import { provesUnreached } from './proves-unreached.ts'

// Only handed through to the probe.
const socket = {} as StreamSocket

test.each([
  ['a refused write', { refused: true, taken: 0 }, -1, true],
  ['a refused write over TLS', { refused: true, taken: 0, secure: true }, -1, true],
  ['a refused write to a pipe', { refused: true, taken: 0, pipe: true }, -1, true],
  ['nothing taken', { taken: 0, writes: 1 }, -1, true],
  ['nothing taken for TLS, where a record may be half sent', { taken: 0, writes: 1, secure: true }, 0, false],
  ['all of it not acknowledged', { taken: 100 }, 100, true],
  ['more than that not acknowledged', { taken: 100 }, 140, true],
  ['an octet acknowledged', { taken: 100 }, 99, false],
  ['nothing known', { taken: 100 }, -1, false],
  ['a pipe, where nothing is acknowledged', { taken: 100, pipe: true }, 100, false],
  ['one record not acknowledged', { taken: 100, secure: true }, 122, true],
  ['one record of which a part is acknowledged', { taken: 100, secure: true }, 101, true],
  ['one record of which perhaps all is acknowledged', { taken: 100, secure: true }, 100, false],
  ['two records', { taken: 100, writes: 2, secure: true }, 144, false],
  ['more than a record', { taken: 20_000, secure: true }, 20_100, false],
] as const)('provesUnreached() judges %s', (_, sent, unacknowledged, proved) => {
  const delivery: DeliveryProbe = { isQuiet: () => true, unacknowledged: () => unacknowledged }
  const base = { taken: 0, writes: 1, refused: false, pipe: false, secure: false }
  expect(provesUnreached(delivery, socket, { ...base, ...sent })).toBe(proved)
})
