/** Clients of everything that is not one request: TLS handshakes, slow readers, WebSockets, TCP and UDP. */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

import type { Http1Connection } from './http1-client.ts'
import { PatternCheck, patternOf } from './pattern.ts'

/** A session that is kept from one handshake to the next. */
export interface KeptSession {
  session: Buffer | undefined
}

/** Opens a TLS connection; with `kept` it resumes the session there and keeps the new one. */
export function openTls(port: number, kept?: KeptSession): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const session = kept?.session
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    })
    socket.once('error', reject)
    if (kept !== undefined) socket.on('session', (next: Buffer) => void (kept.session = next))
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

/** Takes a body in bits, with pauses in which the proxies must hold back. */
export async function readSlowly(connection: Http1Connection, bytes: number): Promise<void> {
  const { socket } = connection
  const stop = setInterval(() => {
    socket.pause()
    setTimeout(() => socket.resume(), 150)
  }, 200)
  try {
    await connection.exchange({ path: `/bytes/${bytes}`, expectBytes: bytes })
  } finally {
    clearInterval(stop)
    connection.close()
  }
}

/** Sends messages, small and large, and expects each back before the next. */
export function echoWebSocket(url: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = new WebSocket(url, { tls: { rejectUnauthorized: false } })
  const sizes = [1, 100, 10, 5000, 126, 65_536, 100_000, 3]
  let next = 0
  socket.binaryType = 'nodebuffer'
  const send = (): void => {
    const size = sizes[next]
    if (size === undefined) socket.close(1000)
    else socket.send(patternOf(size))
  }
  socket.addEventListener('open', send)
  socket.addEventListener('message', ({ data }) => {
    const expected = patternOf(sizes[next] ?? 0)
    if (!Buffer.isBuffer(data) || !expected.equals(data)) reject(new Error(`Message ${next} came back otherwise`))
    next += 1
    send()
  })
  socket.addEventListener('close', ({ code }) => {
    if (code === 1000 && next === sizes.length) resolve()
    else reject(new Error(`Closed with ${code} after ${next} messages`))
  })
  socket.addEventListener('error', () => reject(new Error(`The WebSocket failed after ${next} messages`)))
  return promise
}

/** Sends bytes and the end, and expects both back. */
export function echoTcp(port: number, bytes: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const check = new PatternCheck()
  const attempt = (act: () => void): void => {
    try {
      act()
    } catch (cause) {
      socket.destroy()
      reject(cause instanceof Error ? cause : new Error(String(cause)))
    }
  }
  socket.on('connect', () => socket.end(patternOf(bytes)))
  socket.on('data', (part: Buffer) => attempt(() => check.take(part)))
  socket.on('end', () =>
    attempt(() => {
      check.expectBytes(bytes)
      socket.destroy()
      resolve()
    }),
  )
  socket.on('error', (cause) => reject(new Error(`${cause.message} after ${check.bytes} of ${bytes} bytes`)))
  socket.on('close', () => reject(new Error(`Closed after ${check.bytes} of ${bytes} bytes`)))
  return promise
}

/** One session: datagrams that are each answered before the next; one that is lost is sent again, at most three times. */
export function echoDatagrams(port: number, count: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = createSocket('udp4')
  let answered = 0
  let tries = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const finish = (failure: Error | undefined): void => {
    clearTimeout(timer)
    socket.close()
    if (failure === undefined) resolve()
    else reject(failure)
  }
  const ask = (): void => {
    tries += 1
    if (tries > 4) return finish(new Error(`Datagram ${answered} was not answered`))
    socket.send(patternOf(50 + answered), port, '127.0.0.1')
    timer = setTimeout(ask, 3000)
  }
  socket.on('error', finish)
  socket.on('message', (datagram) => {
    // An answer to a datagram that was sent twice comes twice.
    if (!datagram.equals(patternOf(50 + answered))) return
    clearTimeout(timer)
    answered += 1
    tries = 0
    if (answered === count) finish(undefined)
    else ask()
  })
  ask()
  return promise
}
