import { callerHeader, requestPath } from '../job.ts'

/** Connections that made one request and are kept. */
export interface IdleConnections {
  /** How many got no answer of status 200. */
  readonly failed: number
  readonly close: () => void
}

const request = `GET ${requestPath} HTTP/1.1\r\nHost: 127.0.0.1\r\n${callerHeader.name}: ${callerHeader.value}\r\n\r\n`

/** Opens keep-alive connections of HTTP/1.1, a few at a time, and makes one request on each. */
export async function openIdleConnections(port: number, count: number): Promise<IdleConnections> {
  const sockets: { end: () => void }[] = []
  let failed = 0
  for (let index = 0; index < count; index += 20) {
    const some = await Promise.all(Array.from({ length: Math.min(20, count - index) }, () => openOne(port)))
    for (const { socket, answered } of some) {
      sockets.push(socket)
      if (!answered) failed += 1
    }
  }
  return { failed, close: () => sockets.forEach((socket) => socket.end()) }
}

async function openOne(port: number): Promise<{ readonly socket: { end: () => void }; readonly answered: boolean }> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data: (_socket, bytes) => resolve(bytes.toString('latin1').startsWith('HTTP/1.1 200')),
      close: () => resolve(false),
    },
  })
  socket.write(request)
  return { socket, answered: await promise }
}
