/** Clients that do what none should: they vanish, dawdle, talk nonsense, and cancel without end. */
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'

import { headSeconds } from './bootstraps.ts'
import { patternOf } from './pattern.ts'
import { within } from './recorder.ts'
import { openTls } from './stream-clients.ts'

function open(port: number, allowHalfOpen = false): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => socket.destroy())
      resolve(socket)
    })
  })
}

/** What the peer sends until it closes. */
function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (part: Buffer) => void (text += part.toString('latin1')))
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(text))
  })
}

/** Vanishes when half of its request was sent: by an end, or by a reset. */
export async function vanishInRequest(port: number, how: 'end' | 'reset'): Promise<void> {
  const socket = await open(port)
  socket.write('POST /echo HTTP/1.1\r\nhost: soak\r\ncontent-length: 1000000\r\n\r\n')
  socket.write(patternOf(300_000))
  await Bun.sleep(50)
  if (how === 'end') socket.destroy()
  else socket.resetAndDestroy()
}

/** Vanishes in the middle of its answer. */
export async function vanishInAnswer(port: number, how: 'end' | 'reset'): Promise<void> {
  const socket = await open(port)
  const { promise: first, resolve } = Promise.withResolvers<void>()
  socket.once('data', () => resolve())
  socket.once('close', () => resolve())
  socket.write('GET /bytes/4000000 HTTP/1.1\r\nhost: soak\r\n\r\n')
  await within(first, 15_000)
  if (how === 'end') socket.destroy()
  else socket.resetAndDestroy()
}

/** Vanishes while it waits for its answer. */
export async function vanishWaiting(port: number): Promise<void> {
  const socket = await open(port)
  socket.write('GET /late/700 HTTP/1.1\r\nhost: soak\r\n\r\n')
  await Bun.sleep(100)
  socket.destroy()
}

/** Cancels HTTP/2 requests when the first bytes of their answers are there. */
export async function cancelHttp2(port: number): Promise<void> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => undefined)
  const cancel = (path: string): Promise<void> =>
    new Promise((resolve) => {
      const stream = session.request({ ':path': path })
      stream.on('error', () => undefined)
      stream.on('close', () => resolve())
      stream.once('response', () => stream.close(8))
      stream.resume()
    })
  await within(Promise.all(['/bytes/1000000', '/bytes/2000000', '/chunked/1000000'].map(cancel)), 15_000)
  session.destroy()
}

/** Ends its direction behind the request and still wants the answer. */
export async function askHalfOpen(port: number): Promise<void> {
  const socket = await open(port, true)
  const answer = readAll(socket)
  socket.end('GET /late/200 HTTP/1.1\r\nhost: soak\r\n\r\n')
  const text = await within(answer, 15_000)
  if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(`Expected 200, got ${JSON.stringify(text.slice(0, 60))}`)
}

/** Sends its head a byte at a time, and must be cut off. */
export async function dawdle(port: number): Promise<void> {
  const socket = await open(port)
  const answer = readAll(socket)
  const head = `GET /bytes/1 HTTP/1.1\r\nhost: soak\r\nx-slow: ${'s'.repeat(1000)}`
  let sent = 0
  const timer = setInterval(() => {
    sent += 1
    if (sent < head.length) socket.write(head.slice(sent - 1, sent))
  }, 200)
  try {
    const text = await within(answer, (headSeconds + 10) * 1000)
    if (!text.startsWith('HTTP/1.1 408 ')) throw new Error(`Expected 408, got ${JSON.stringify(text.slice(0, 60))}`)
  } finally {
    clearInterval(timer)
    socket.destroy()
  }
}

/** Says nothing at all, and must be cut off. */
export async function staySilent(port: number): Promise<void> {
  const socket = await open(port)
  await within(readAll(socket), (headSeconds + 10) * 1000)
}

const nonsense: readonly (readonly [request: string, status: string])[] = [
  ['GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', '400'],
  ['GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n', '400'],
  ['GET  / HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
  ['\0\u0001\u0002\u0003 \r\n\r\n', '400'],
  ['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', '400'],
  ['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -3\r\n\r\n', '400'],
  ['POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', '400'],
  ['GET / HTTP/3.7\r\nhost: a\r\n\r\n', '505'],
  [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`, '431'],
  [
    `GET / HTTP/1.1\r\nhost: a\r\n${Array.from({ length: 150 }, (_, index) => `x-${index}: 1\r\n`).join('')}\r\n`,
    '431',
  ],
]

/** How many kinds of nonsense there are. */
export const nonsenseCount = nonsense.length

/** Sends what is no request, and must be refused. */
export async function talkNonsense(port: number, index: number): Promise<void> {
  const [request, status] = nonsense[index % nonsense.length] ?? ['', '']
  const socket = await open(port)
  const answer = readAll(socket)
  socket.write(request)
  const text = await within(answer, 15_000)
  if (!text.startsWith(`HTTP/1.1 ${status} `))
    throw new Error(`Expected ${status} for nonsense ${index}, got ${JSON.stringify(text.slice(0, 60))}`)
}

const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** `:method GET, :scheme http, :path /late/100, :authority soak`; the last two as literals that are not indexed. */
function requestBlock(): Buffer {
  const literal = (nameIndex: number, value: string): Buffer =>
    Buffer.concat([Buffer.from([nameIndex, value.length]), Buffer.from(value)])
  return Buffer.concat([Buffer.from([0x82, 0x86]), literal(4, '/late/100'), literal(1, 'soak')])
}

/**
 * Opens streams and resets each at once (CVE-2023-44487), on HTTP/2 without TLS. Resolves when the connection is gone.
 *
 * @throws {Error} If a flood was let live.
 */
export async function resetRapidly(port: number, streams: number): Promise<void> {
  const socket = await open(port)
  const answer = readAll(socket)
  const parts = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]
  const cancel = Buffer.from([0, 0, 0, 8])
  for (let index = 0; index < streams; index += 1) {
    const id = index * 2 + 1
    parts.push(frame(1, 5, id, requestBlock()), frame(3, 0, id, cancel))
  }
  socket.write(Buffer.concat(parts))
  try {
    await within(answer, 5000)
  } finally {
    socket.destroy()
  }
}

/** A TLS client that goes away in the middle of its handshake, or speaks no TLS. */
export async function breakHandshake(port: number, how: 'vanish' | 'plain'): Promise<void> {
  const socket = await open(port)
  if (how === 'plain') {
    const answer = readAll(socket)
    socket.write('GET / HTTP/1.1\r\nhost: soak\r\n\r\n')
    await within(answer, 15_000)
    return
  }
  // A record that promises more than comes.
  socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]))
  await Bun.sleep(50)
  socket.resetAndDestroy()
}

/** A TLS client that says nothing behind its handshake and resets. */
export async function vanishBehindHandshake(port: number): Promise<void> {
  const socket = await openTls(port)
  socket.on('error', () => undefined)
  socket.resetAndDestroy()
}
