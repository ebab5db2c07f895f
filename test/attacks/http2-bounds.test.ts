/** However slow a reader is, what the proxy holds for it is bounded, and nobody else waits for it; in each combination of versions. */
import { afterEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { JsonObject } from '@bufbuild/protobuf'

import { caseName } from '../differential/http/bootstrap.ts'
import { type RunningProxy, startWeft } from '../differential/http/proxies.ts'
import { toHttp2Bootstrap } from '../differential/http2/bootstrap.ts'
import { FramePeer } from '../harness/frame-peer.ts'
import { waitUntil } from '../harness/wait-until.ts'
import { request } from './http2-plane.ts'

const total = 64 * 1024 * 1024
/** What the proxy may grow by over a body of 64 MiB. */
const mayGrow = 24 * 1024 * 1024
const piece = Buffer.alloc(64 * 1024, 'x')

const stops: (() => PromiseLike<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

/** How an end holds back: its window stays shut, or its socket is not read. */
type Version = 'HTTP/1.1' | 'HTTP/2, window' | 'HTTP/2, socket'

/** One end of a transfer. */
interface End {
  /** Octets that were sent or received so far. */
  readonly moved: () => number
  /** The sender can send no more for now. */
  readonly waits: () => boolean
  /** The reader reads from now on. */
  readonly read: () => void
}

/** Sends a body over HTTP/1.1. */
function pump(socket: Socket): End {
  let sent = 0
  const go = (): void => {
    while (sent < total) {
      sent += piece.length
      if (!socket.write(piece)) return
    }
  }
  socket.on('drain', go)
  go()
  return { moved: () => sent, waits: () => socket.writableNeedDrain, read: () => undefined }
}

/** Sends a body over HTTP/2. */
function pour(peer: FramePeer, id: number): End {
  let left = total
  const go = (): void => {
    left = peer.pour(id, left)
  }
  peer.onChange = go
  go()
  const shut = (): boolean => peer.window <= 0 || (peer.windows.get(id) ?? 1) <= 0
  return { moved: () => total - left, waits: () => peer.socket.writableNeedDrain || shut(), read: () => undefined }
}

function readOctets(socket: Socket, before = 0): End {
  let read = before
  socket.on('data', (part) => (read += part.length))
  socket.pause()
  return { moved: () => read, waits: () => false, read: () => void socket.resume() }
}

function readFrames(peer: FramePeer, id: number, version: Version): End {
  const moved = (): number => peer.streams.get(id)?.octets ?? 0
  if (version === 'HTTP/2, socket') {
    peer.socket.pause()
    return { moved, waits: () => false, read: () => void peer.socket.resume() }
  }
  peer.opensWindows = false
  const read = (): void => {
    peer.opensWindows = true
    peer.windowUpdate(0, moved())
    peer.windowUpdate(id, moved())
  }
  return { moved, waits: () => false, read }
}

/** Settings of a reader: all it likes when it is the socket that is slow. */
function prepare(peer: FramePeer, version: Version): void {
  peer.keepBodies = false
  peer.start(version === 'HTTP/2, socket' ? [[4, 0x7fff_ffff]] : [])
  if (version === 'HTTP/2, socket') peer.windowUpdate(0, 0x7fff_0000)
}

/** Listens; resolves `end` when the proxy's request is here. */
async function startUpstream(version: Version, sends: boolean): Promise<{ port: number; end: () => End | undefined }> {
  let end: End | undefined
  const server = createServer((socket) => {
    stops.push(() => void socket.destroy())
    if (version === 'HTTP/1.1') {
      socket.once('data', (first) => {
        if (!sends) {
          end = readOctets(socket, first.length)
          return
        }
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
        end = pump(socket)
      })
      return
    }
    const peer = new FramePeer(socket, true)
    peer.onStream = (stream) => {
      peer.onStream = () => undefined
      if (sends) peer.headers(stream.id, [[':status', '200']])
      end = sends ? pour(peer, stream.id) : readFrames(peer, stream.id, version)
    }
    prepare(peer, version)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => void server.close())
  return { port: (server.address() as AddressInfo).port, end: () => end }
}

async function startProxy(upstream: number, client: Version, version: Version): Promise<RunningProxy> {
  const manager: JsonObject = client === 'HTTP/1.1' ? { codec_type: 'HTTP1' } : {}
  const entry = {
    name: 'bounds',
    run: () => undefined,
    manager,
    ...(version === 'HTTP/1.1' ? {} : { http2: true as const }),
  }
  const proxy = await startWeft((admin) => toHttp2Bootstrap([entry], { admin, upstreams: [upstream] }, '/dev/null'), 1)
  stops.push(() => proxy[Symbol.asyncDispose]())
  return proxy
}

function startClient(proxy: RunningProxy, version: Version, sends: boolean): End {
  const socket = connect({ host: '127.0.0.1', port: proxy.port(caseName(0)) })
  stops.push(() => void socket.destroy())
  if (version === 'HTTP/1.1') {
    const head = sends
      ? `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`
      : 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    socket.write(head)
    return sends ? pump(socket) : readOctets(socket)
  }
  const peer = new FramePeer(socket, false)
  prepare(peer, version)
  peer.headers(1, request(sends ? 'POST' : 'GET'), { end: !sends })
  return sends ? pour(peer, 1) : readFrames(peer, 1, version)
}

/** Waits until the sender has come to a stop, and tells how far it came. */
async function standstill(sender: () => End | undefined): Promise<number> {
  let before = -1
  let same = 0
  await waitUntil('the sender waits', () => {
    const sent = sender()?.moved() ?? -1
    same = sent === before && sender()?.waits() === true ? same + 1 : 0
    before = sent
    return same >= 40
  })
  return before
}

function residentBytes({ pid }: RunningProxy): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

const pairs: readonly (readonly [client: Version, upstream: Version])[] = [
  ['HTTP/2, window', 'HTTP/1.1'],
  ['HTTP/2, socket', 'HTTP/1.1'],
  ['HTTP/1.1', 'HTTP/2, window'],
  ['HTTP/2, window', 'HTTP/2, window'],
  ['HTTP/2, socket', 'HTTP/2, socket'],
]

describe('a body of 64 MiB keeps the proxy small and arrives whole', () => {
  test.each(pairs)(
    'to a slow client of %s, from an upstream of %s',
    async (client, version) => {
      const upstream = await startUpstream(version, true)
      const proxy = await startProxy(upstream.port, client, version)
      const before = residentBytes(proxy)
      const reader = startClient(proxy, client, false)
      expect(await standstill(upstream.end)).toBeLessThan(total)
      expect(residentBytes(proxy) - before).toBeLessThan(mayGrow)
      reader.read()
      await waitUntil('all of it is here', () => reader.moved() >= total, 15_000)
      expect(residentBytes(proxy) - before).toBeLessThan(2 * mayGrow)
    },
    30_000,
  )

  test.each(pairs)(
    'from a client of %s, to a slow upstream of %s',
    async (client, version) => {
      const upstream = await startUpstream(version, false)
      const proxy = await startProxy(upstream.port, client, version)
      const before = residentBytes(proxy)
      const sender = startClient(proxy, client, true)
      expect(await standstill(() => sender)).toBeLessThan(total)
      expect(residentBytes(proxy) - before).toBeLessThan(mayGrow)
      await waitUntil('the upstream is asked', () => upstream.end() !== undefined)
      upstream.end()?.read()
      await waitUntil('all of it is there', () => (upstream.end()?.moved() ?? 0) >= total - 1024, 15_000)
      expect(residentBytes(proxy) - before).toBeLessThan(2 * mayGrow)
    },
    30_000,
  )
})
