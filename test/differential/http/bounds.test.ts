/** However slow a reader is, what the proxy holds for it is bounded: the sender is made to wait. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

import { waitUntil } from '../../harness/wait-until.ts'
import { caseName, toBootstrap } from './bootstrap.ts'
import type { HttpCase } from './case.ts'
import { type RunningProxy, startWeft } from './proxies.ts'

const total = 64 * 1024 * 1024
/** What the kernel's socket buffers of four ends may hold, and far less than `total`. */
const mayBeInFlight = 32 * 1024 * 1024
/** What the proxy may grow by over a body of 64 MiB. */
const mayGrow = 16 * 1024 * 1024
const piece = Buffer.alloc(64 * 1024, 'x')
const entry: HttpCase = { name: 'bounds', steps: [] }

/** Resident memory of a process in bytes. */
function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1]) * 1024
}

/** Writes `length` bytes as fast as they are taken. */
class Pump {
  readonly #socket: Socket
  sent = 0

  constructor(socket: Socket, length: number) {
    this.#socket = socket
    socket.on('drain', () => this.#pump(length))
    this.#pump(length)
  }

  /** True when the peer takes no more for now. */
  get waits(): boolean {
    return this.#socket.writableNeedDrain
  }

  #pump(length: number): void {
    while (this.sent < length) {
      const next = piece.subarray(0, Math.min(piece.length, length - this.sent))
      this.sent += next.length
      if (!this.#socket.write(next)) return
    }
  }
}

/** Waits until the pump has come to a stop, and tells how far it came. */
async function standstill(pump: () => Pump | undefined): Promise<number> {
  let before = -1
  let same = 0
  await waitUntil('the sender waits', () => {
    const sent = pump()?.sent ?? -1
    same = sent === before && pump()?.waits === true ? same + 1 : 0
    before = sent
    return same >= 40
  })
  return before
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function startFor(upstream: number): Promise<RunningProxy> {
  return startWeft((admin) => toBootstrap([entry], { admin, upstreams: [upstream] }), 1)
}

/** Reads everything, then tells how much it was. */
function drained(socket: Socket, enough: number): Promise<number> {
  return new Promise((resolve) => {
    let read = 0
    socket.on('data', (part) => {
      read += part.length
      if (read >= enough) resolve(read)
    })
    socket.resume()
  })
}

test('a slow reader of a response of 64 MiB keeps the proxy small, and gets all of it', async () => {
  let pump: Pump | undefined
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
      pump = new Pump(socket, total)
    })
  })
  await using proxy = await startFor(await listening(server))
  const client = connect({ host: '127.0.0.1', port: proxy.port(caseName(0)) })
  client.pause()
  const before = residentBytes(proxy.pid)
  client.write('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n')
  expect(await standstill(() => pump)).toBeLessThan(mayBeInFlight)
  expect(residentBytes(proxy.pid) - before).toBeLessThan(mayGrow)
  expect(await drained(client, total)).toBeGreaterThanOrEqual(total)
  client.destroy()
  server.close()
}, 20_000)

test.each([
  ['with its length', `Content-Length: ${total}`, false],
  ['in chunks', 'Transfer-Encoding: chunked', true],
] as const)(
  'a slow upstream keeps the proxy small while 64 MiB are sent to it %s',
  async (_name, framing, chunked) => {
    let received: Socket | undefined
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      received = socket
    })
    await using proxy = await startFor(await listening(server))
    const client = connect({ host: '127.0.0.1', port: proxy.port(caseName(0)) })
    const before = residentBytes(proxy.pid)
    client.write(`POST / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n\r\n`)
    if (chunked) client.write(`${total.toString(16)}\r\n`)
    const pump = new Pump(client, total)
    expect(await standstill(() => pump)).toBeLessThan(mayBeInFlight)
    expect(residentBytes(proxy.pid) - before).toBeLessThan(mayGrow)
    await waitUntil('the upstream is connected to', () => received !== undefined)
    const socket = received
    if (socket === undefined) return
    expect(await drained(socket, total)).toBeGreaterThanOrEqual(total)
    client.destroy()
    server.close()
  },
  20_000,
)
