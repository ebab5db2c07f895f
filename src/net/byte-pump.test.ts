import { afterEach, expect, test } from 'bun:test'
import { createBytePump, type PumpDirection } from './byte-pump.ts'
import { ignoringOwner } from './socket-handlers.ts'
import type { StreamSocket } from './socket-owner.ts'
import {
  connectTestClient,
  createRecordingOwner,
  createTestServer,
  type RecordingOwner,
  type TestServer,
  until,
} from './sockets.fixture.ts'

const servers: TestServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server[Symbol.dispose]()
})

/** A connected pair: our end, and the far end with what it saw. */
async function connected(keepOpen = true): Promise<{
  readonly near: StreamSocket
  readonly far: StreamSocket
  readonly seen: RecordingOwner
}> {
  const seen = createRecordingOwner({ keepOpen })
  const server = createTestServer(() => seen)
  servers.push(server)
  const near = await connectTestClient(server.port, ignoringOwner)
  await until(() => server.sockets.length === 1, 'the accepted socket')
  const [far] = server.sockets
  if (far === undefined) throw new Error('no socket')
  return { near, far, seen }
}

interface Report {
  readonly bytes: Record<PumpDirection, number>
  closed: string[]
}

function pump(first: StreamSocket, second: StreamSocket, extra = {}): Report & { readonly abort: () => void } {
  const report: Report = { bytes: { forward: 0, backward: 0 }, closed: [] }
  const made = createBytePump(first, second, {
    onBytes: (direction, count) => {
      report.bytes[direction] += count
    },
    onClosed: (by, error) => void report.closed.push(`${by} ${error === undefined ? 'ended' : 'failed'}`),
    ...extra,
  })
  return { ...report, abort: () => made.abort() }
}

test('createBytePump() carries both directions and counts them', async () => {
  const [a, b] = [await connected(), await connected()]
  const report = pump(a.near, b.near)
  a.far.write('ping')
  b.far.write('pong!')
  await until(() => a.seen.text() === 'pong!' && b.seen.text() === 'ping', 'both')
  expect(report.bytes).toEqual({ forward: 4, backward: 5 })
})

test.each(['first', 'second'] as const)('the end of the %s side is passed on and the other goes on', async (side) => {
  const [a, b] = [await connected(), await connected()]
  const report = pump(a.near, b.near)
  const [ending, other] = side === 'first' ? [a, b] : [b, a]
  ending.far.write('last')
  ending.far.shutdown()
  await until(() => other.seen.ended, 'the end to arrive')
  expect(other.seen.text()).toBe('last')
  other.far.write('still')
  await until(() => ending.seen.text() === 'still', 'the other direction')
  expect(ending.seen.ended).toBe(false)
  other.far.end()
  await until(() => report.closed.length === 1, 'both to close')
  expect(report.closed).toEqual([`${side} ended`])
})

test('a reset on one side resets the other', async () => {
  const [a, b] = [await connected(), await connected()]
  const report = pump(a.near, b.near)
  a.far.terminate()
  await until(() => b.seen.closed && report.closed.length === 1, 'the reset')
  expect(b.seen.error).toBeDefined()
  expect(report.closed).toEqual(['first failed'])
})

test('abort() closes both', async () => {
  const [a, b] = [await connected(), await connected()]
  const report = pump(a.near, b.near)
  report.abort()
  await until(() => a.seen.closed && b.seen.closed, 'both to close')
  expect(report.closed).toHaveLength(1)
})

test('pending bytes go first, and an end that was seen before is passed on', async () => {
  const [a, b] = [await connected(), await connected()]
  pump(a.near, b.near, { pending: [Buffer.from('one '), Buffer.from('two')], firstEnded: true })
  await until(() => b.seen.ended, 'the end')
  expect(b.seen.text()).toBe('one two')
})

test('bytes keep their order and content through a slow sink, and an end waits for them', async () => {
  const [a, b] = [await connected(), await connected()]
  pump(a.near, b.near)
  b.far.pause()
  const total = 16 * 1024 * 1024
  const pattern = Buffer.alloc(total)
  for (let index = 0; index < total; index += 4) pattern.writeUInt32LE(index, index)
  let offset = 0
  const push = (): void => {
    while (offset < total) {
      const taken = a.far.write(pattern, offset, Math.min(1 << 18, total - offset))
      if (taken <= 0) break
      offset += taken
    }
    if (offset === total) a.far.shutdown()
  }
  const received: Uint8Array[] = []
  b.far.data = { ...b.seen, onData: (_socket, bytes) => void received.push(bytes.slice()), onEnd: () => (ended = true) }
  let ended = false
  a.far.data = { ...a.seen, onDrain: push }
  push()
  let last = -1
  await until(() => {
    const still = offset === last
    last = offset
    return still
  }, 'the sender to stop')
  expect(offset).toBeLessThan(total)
  b.far.resume()
  await until(() => ended, 'the end')
  expect(Buffer.concat(received).equals(pattern)).toBe(true)
})

test('Bun gives each read a buffer of its own, as the pump relies on', async () => {
  const { near, far } = await connected()
  const kept: Uint8Array[] = []
  near.data = { ...ignoringOwner, onData: (_socket, bytes) => void kept.push(bytes) }
  for (const letter of ['a', 'b', 'c']) {
    const before = kept.length
    far.write(letter.repeat(1000))
    await until(() => kept.length > before, 'the read')
  }
  expect(Buffer.concat(kept).toString()).toBe('a'.repeat(1000) + 'b'.repeat(1000) + 'c'.repeat(1000))
  for (const bytes of kept) expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
})
