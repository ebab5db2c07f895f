import { afterEach, describe, expect, test } from 'bun:test'
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
import { createSplicePipe, openSpliceLibc } from './splice-pipe.ts'

const servers: TestServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server[Symbol.dispose]()
})

interface Pair {
  /** Paused: whoever reads it reads by its descriptor. */
  readonly near: StreamSocket
  readonly far: StreamSocket
  readonly seen: RecordingOwner
}

async function connected(): Promise<Pair> {
  const seen = createRecordingOwner({ keepOpen: true })
  const server = createTestServer(() => seen)
  servers.push(server)
  const near = await connectTestClient(server.port, ignoringOwner)
  near.pause()
  await until(() => server.sockets.length === 1, 'the accepted socket')
  const [far] = server.sockets
  if (far === undefined) throw new Error('no socket')
  return { near, far, seen }
}

function fd(socket: StreamSocket): number {
  return Number(Reflect.get(socket, 'fd'))
}

describe.skipIf(process.platform !== 'linux')('SplicePipe', () => {
  const pipe = createSplicePipe()
  if (pipe === undefined) throw new Error('no splice on this system')

  test('move() moves what is there, says empty, and moves no more than its limit in about', async () => {
    const [a, b] = [await connected(), await connected()]
    expect([pipe.move(fd(a.near), fd(b.near), 1000), pipe.moved]).toEqual(['empty', 0])
    a.far.write('hello')
    await until(() => {
      expect(pipe.move(fd(a.near), fd(b.near), 1000)).toBe('empty')
      return pipe.moved === 5
    }, 'the bytes')
    expect(pipe.leftover).toBeUndefined()
    await until(() => b.seen.text() === 'hello', 'the bytes at the other end')
    a.far.write('more')
    await until(() => pipe.move(fd(a.near), fd(b.near), 1) === 'more', 'the limit')
  })

  test('move() says ended at the end, again and again', async () => {
    const [a, b] = [await connected(), await connected()]
    a.far.end('last')
    await until(() => pipe.move(fd(a.near), fd(b.near), 1000) === 'ended', 'the end')
    expect(pipe.move(fd(a.near), fd(b.near), 1000)).toBe('ended')
    await until(() => b.seen.text() === 'last', 'the bytes')
  })

  test('move() gives back what a full sink did not take, and the pipe is empty for the next', async () => {
    const [a, b, c] = [await connected(), await connected(), await connected()]
    b.far.pause()
    const block = new Uint8Array(1 << 20).fill(1)
    let [sent, put] = [0, 0]
    await until(() => {
      sent += Math.max(0, a.far.write(block))
      const end = pipe.move(fd(a.near), fd(b.near), 1 << 20)
      put += pipe.moved
      return end === 'full'
    }, 'the sink to be full')
    const leftover = pipe.leftover ?? new Uint8Array()
    expect(leftover.length).toBeGreaterThan(0)
    expect(leftover.every((byte) => byte === 1)).toBe(true)
    a.far.terminate()
    c.far.write('clean')
    const d = await connected()
    await until(() => pipe.move(fd(c.near), fd(d.near), 1000) === 'empty' && pipe.moved === 5, 'the next stream')
    await until(() => d.seen.text() === 'clean', 'its bytes')
    b.far.resume()
    await until(() => b.seen.received === put - leftover.length, 'what the sink took')
    expect(put).toBeLessThanOrEqual(sent)
  })

  test('move() moves what came with the end just after the source was empty', async () => {
    const [a, b] = [await connected(), await connected()]
    let between = (): void => undefined
    const libc = openSpliceLibc()
    const getsockopt: typeof libc.getsockopt = Object.assign((...args: Parameters<typeof libc.getsockopt>) => {
      between()
      return libc.getsockopt(...args)
    }, libc.getsockopt)
    const watched = createSplicePipe(() => ({ ...libc, getsockopt }))
    // Its direction is over, so that the other's end closes the connection.
    a.near.shutdown()
    await until(() => a.seen.ended, 'the end at the other side')
    between = () => {
      between = () => undefined
      a.far.end('last')
    }
    expect(watched?.move(fd(a.near), fd(b.near), 1000)).toBe('ended')
    expect(watched?.moved).toBe(4)
    await until(() => b.seen.text() === 'last', 'the bytes')
  })

  test('move() says reset when the source was reset', async () => {
    const [a, b] = [await connected(), await connected()]
    expect(pipe.move(fd(a.near), fd(b.near), 1000)).toBe('empty')
    a.far.terminate()
    expect(pipe.move(fd(a.near), fd(b.near), 1000)).toBe('source-reset')
  })

  test('move() tells a descriptor that is no connection from an empty one', async () => {
    const [a, b] = [await connected(), await connected()]
    expect(pipe.move(-1, fd(b.near), 1000)).toBe('source-reset')
    a.far.write('x')
    await until(() => pipe.move(fd(a.near), -1, 1000) === 'sink-reset', 'the sink')
  })
})
