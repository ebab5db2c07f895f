import { createSocketHandlers } from './socket-handlers.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'

/** Waits for a condition, asked again each few milliseconds (tests only); fails after `limitMs`. */
export async function until(condition: () => boolean, what: string, limitMs = 4000): Promise<void> {
  const end = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A socket owner that keeps what it sees (tests only). */
export interface RecordingOwner extends SocketOwner {
  readonly text: () => string
  received: number
  ended: boolean
  closed: boolean
  error: Error | undefined
  drains: number
}

/** Makes one; it closes its side when the peer has ended, unless `keepOpen`. */
export function createRecordingOwner(options: { readonly keepOpen?: boolean } = {}): RecordingOwner {
  const chunks: Uint8Array[] = []
  const owner: RecordingOwner = {
    text: () => Buffer.concat(chunks).toString(),
    received: 0,
    ended: false,
    closed: false,
    error: undefined,
    drains: 0,
    onData: (_socket, bytes) => {
      owner.received += bytes.length
      if (owner.received < 1 << 20) chunks.push(bytes.slice())
    },
    onDrain: () => {
      owner.drains += 1
    },
    onEnd: (socket) => {
      owner.ended = true
      if (options.keepOpen !== true) socket.end()
    },
    onClose: (_socket, error) => {
      owner.closed = true
      owner.error = error
    },
  }
  return owner
}

/** A plain TCP server on an ephemeral loopback port (tests only). */
export interface TestServer extends Disposable {
  readonly port: number
  readonly sockets: StreamSocket[]
}

/** Starts one; `serve` makes the owner of each connection. */
export function createTestServer(serve: (socket: StreamSocket) => SocketOwner): TestServer {
  const sockets: StreamSocket[] = []
  const listener = Bun.listen<SocketOwner>({
    hostname: '127.0.0.1',
    port: 0,
    allowHalfOpen: true,
    socket: createSocketHandlers({
      onOpen: (socket) => {
        sockets.push(socket)
        socket.data = serve(socket)
      },
    }),
  })
  return { port: listener.port, sockets, [Symbol.dispose]: () => listener.stop(true) }
}

/** An owner that sends back what comes (tests only; small messages). */
export function createEchoOwner(prefix = ''): SocketOwner {
  return {
    onData: (socket, bytes) => void socket.write(`${prefix}${Buffer.from(bytes).toString()}`),
    onDrain: () => undefined,
    onEnd: (socket) => socket.end(),
    onClose: () => undefined,
  }
}

/** Connects a plain client (tests only). */
export async function connectTestClient(port: number, owner: SocketOwner, host = '127.0.0.1'): Promise<StreamSocket> {
  return Bun.connect<SocketOwner>({
    hostname: host,
    port,
    allowHalfOpen: true,
    data: owner,
    socket: createSocketHandlers(),
  })
}
