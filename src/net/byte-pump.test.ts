import { afterEach, describe, expect, test } from 'bun:test'
import { type BulkMover, createBulkMover } from './bulk-mover.ts'
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

/** Sends numbers, four bytes each, from 0 up, as fast as the socket takes them, then its end. */
function createSender(socket: StreamSocket, total: number): { readonly onDrain: (socket: StreamSocket) => void } {
  const block = Buffer.alloc(256 * 1024)
  let sent = 0
  return {
    onDrain() {
      while (sent < total) {
        const first = sent - (sent % 4)
        for (let at = 0; at < block.length; at += 4) block.writeUInt32LE(((first + at) / 4) >>> 0, at)
        const skip = sent - first
        const taken = socket.write(block, skip, Math.min(block.length - skip, total - sent))
        if (taken <= 0) return
        sent += taken
      }
      socket.shutdown()
    },
  }
}

/** Reads what a sender sent and checks that nothing is missing, doubled or changed. */
function createReader() {
  let [received, right, ended] = [0, true, false]
  return {
    onData(_socket: StreamSocket, bytes: Uint8Array): void {
      for (const byte of [0, bytes.length >> 1, bytes.length - 1]) {
        const position = received + byte
        right &&= bytes[byte] === (((position >> 2) >>> (8 * (position % 4))) & 255)
      }
      received += bytes.length
    },
    onEnd: (): void => void (ended = true),
    // Bun tells of an end that comes after our own by the close alone.
    onClose: (_socket: StreamSocket, error: Error | undefined): void => void (ended ||= error === undefined),
    received: () => received,
    inOrder: () => right,
    ended: () => ended,
  }
}

describe.each(['copied', 'moved within the kernel'])('bytes that are %s', (how) => {
  const bulk: BulkMover | undefined = how === 'copied' ? undefined : createBulkMover()

  test('createBytePump() carries both directions and counts them', async () => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
    a.far.write('ping')
    b.far.write('pong!')
    await until(() => a.seen.text() === 'pong!' && b.seen.text() === 'ping', 'both')
    expect(report.bytes).toEqual({ forward: 4, backward: 5 })
  })

  test.each(['first', 'second'] as const)('the end of the %s side is passed on and the other goes on', async (side) => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
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
    const report = pump(a.near, b.near, { bulk })
    a.far.terminate()
    await until(() => b.seen.closed && report.closed.length === 1, 'the reset')
    expect(b.seen.error).toBeDefined()
    expect(report.closed).toEqual(['first failed'])
  })

  test('abort() closes both', async () => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
    report.abort()
    await until(() => a.seen.closed && b.seen.closed, 'both to close')
    expect(report.closed).toHaveLength(1)
  })

  test('pending bytes go first, and an end that was seen before is passed on', async () => {
    const [a, b] = [await connected(), await connected()]
    pump(a.near, b.near, { bulk, pending: [Buffer.from('one '), Buffer.from('two')], firstEnded: true })
    await until(() => b.seen.ended, 'the end')
    expect(b.seen.text()).toBe('one two')
  })

  test('bytes keep their order and content through a slow sink, and an end waits for them', async () => {
    const [a, b] = [await connected(), await connected()]
    pump(a.near, b.near, { bulk })
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
    b.far.data = {
      ...b.seen,
      onData: (_socket, bytes) => void received.push(bytes.slice()),
      onEnd: () => (ended = true),
    }
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

  test('large amounts go both ways at once, each through a sink that is slow at first', async () => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
    const [total, seen] = [24 * 1024 * 1024, new Map<typeof a, ReturnType<typeof createReader>>()]
    for (const end of [a, b]) {
      end.far.pause()
      const reader = createReader()
      seen.set(end, reader)
      end.far.data = { ...end.seen, ...createSender(end.far, total), ...reader }
      end.far.data.onDrain(end.far)
    }
    await until(() => report.bytes.forward > 0 && report.bytes.backward > 0, 'the first bytes')
    for (const end of [a, b]) end.far.resume()
    await until(() => [...seen.values()].every((reader) => reader.ended()), 'both ends', 20_000)
    for (const reader of seen.values()) expect([reader.received(), reader.inOrder()]).toEqual([total, true])
    expect(report.bytes).toEqual({ forward: total, backward: total })
    expect(report.closed).toEqual([expect.stringContaining('ended')])
  }, 30_000)

  test.each(['source', 'sink'] as const)('a reset of the %s in the middle of much resets the other', async (who) => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
    a.far.data = { ...a.seen, ...createSender(a.far, Number.MAX_SAFE_INTEGER) }
    a.far.data.onDrain(a.far)
    await until(() => report.bytes.forward > 4 * 1024 * 1024, 'some bytes')
    const [resets, other] = who === 'source' ? [a, b] : [b, a]
    resets.far.terminate()
    await until(() => report.closed.length === 1, 'the end of the pump')
    // A write to a sink that is gone may be the first to hear of it, and then Bun calls the rest an end.
    expect(report.closed).toEqual([who === 'source' ? 'first failed' : expect.stringContaining('second')])
    await until(() => other.seen.closed, 'the other end')
    // What was cut must not look complete.
    if (who === 'source') expect(other.seen.ended).toBe(false)
  })

  test('abort() in the middle of much closes both', async () => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
    a.far.data = { ...a.seen, ...createSender(a.far, Number.MAX_SAFE_INTEGER) }
    a.far.data.onDrain(a.far)
    await until(() => report.bytes.forward > 4 * 1024 * 1024, 'some bytes')
    report.abort()
    await until(() => a.seen.closed && b.seen.closed && report.closed.length === 1, 'both to close')
  })

  test('an end that went the other way before does not cut what is under way', async () => {
    const [a, b] = [await connected(), await connected()]
    const report = pump(a.near, b.near, { bulk })
    b.far.shutdown()
    await until(() => a.seen.ended, 'the end')
    const reader = createReader()
    b.far.pause()
    b.far.data = { ...b.seen, ...reader }
    a.far.data = { ...a.seen, ...createSender(a.far, 16 * 1024 * 1024) }
    a.far.data.onDrain(a.far)
    await until(() => report.bytes.forward > 0, 'the first bytes')
    b.far.resume()
    await until(() => reader.ended(), 'the other end', 10_000)
    expect([reader.received(), reader.inOrder()]).toEqual([16 * 1024 * 1024, true])
  })
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
