/** Raw TCP peers for tests: a client that sends octets and waits for text, a server that answers with octets. */
import type { Socket } from 'bun'

/** Polls until the condition holds. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  for (let turn = 0; turn < 2000; turn += 1) {
    if (condition()) return
    await Bun.sleep(1)
  }
  throw new Error(`Gave up waiting for ${what}`)
}

/** Polls until a number has stayed the same for 20 looks: what moved it has come to rest. */
export async function settles(read: () => number): Promise<void> {
  let last = read()
  let looks = 0
  await until(() => {
    const now = read()
    looks = now === last ? looks + 1 : 0
    last = now
    return looks >= 20
  }, 'the number to stay the same')
}

/** A client on one connection. */
export class RawClient {
  received = ''
  bytes = 0
  closed = false
  ended = false
  /** Counts octets without keeping them. */
  keeps = true
  #socket: Socket | undefined
  #pending: Buffer = Buffer.alloc(0)

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient()
    client.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      allowHalfOpen: true,
      socket: {
        data: (_socket, bytes) => {
          client.bytes += bytes.length
          if (client.keeps) client.received += bytes.toString('latin1')
        },
        drain: () => client.#flush(),
        end: () => {
          client.ended = true
        },
        close: () => {
          client.closed = true
        },
      },
    })
    return client
  }

  /** Queues octets. */
  send(data: string | Buffer): void {
    this.#pending = Buffer.concat([this.#pending, typeof data === 'string' ? Buffer.from(data, 'latin1') : data])
    this.#flush()
  }

  get unsent(): number {
    return this.#pending.length
  }

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  /** Half-closes. */
  finish(): void {
    this.#socket?.shutdown()
  }

  close(): void {
    this.#socket?.terminate()
  }

  /** Waits until the received text holds `text`. */
  async sees(text: string): Promise<string> {
    await until(() => this.received.includes(text) || this.over, JSON.stringify(text))
    return this.received
  }

  /** Waits for the peer's end. */
  async ends(): Promise<string> {
    await until(() => this.over, 'the end')
    return this.received
  }

  get over(): boolean {
    return this.closed || this.ended
  }

  #flush(): void {
    if (this.#pending.length === 0 || this.#socket === undefined) return
    const taken = Math.max(this.#socket.write(this.#pending), 0)
    this.#pending = this.#pending.subarray(taken)
  }
}

/** One connection of a raw server. */
export interface RawConnection {
  received: string
  bytes: number
  readonly send: (data: string | Buffer) => void
  readonly end: () => void
  readonly abort: () => void
  readonly pause: () => void
  readonly resume: () => void
  /** Octets handed to `send` that the kernel has not taken. */
  readonly unsent: number
  closed: boolean
}

/** A server that calls back with what it has received so far on a connection, whenever more comes. */
export class RawServer {
  readonly connections: RawConnection[] = []
  keeps = true
  readonly #listener
  readonly #onData: (connection: RawConnection) => void

  constructor(onData: (connection: RawConnection) => void) {
    this.#onData = onData
    this.#listener = Bun.listen<{ connection: RawConnection; pending: Buffer; ending: boolean }>({
      hostname: '127.0.0.1',
      port: 0,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          const flush = (): void => {
            if (socket.data.pending.length > 0) {
              const taken = Math.max(socket.write(socket.data.pending), 0)
              socket.data.pending = socket.data.pending.subarray(taken)
            }
            if (socket.data.pending.length === 0 && socket.data.ending) socket.end()
          }
          const connection: RawConnection = {
            received: '',
            bytes: 0,
            closed: false,
            get unsent() {
              return socket.data.pending.length
            },
            send: (data) => {
              const more = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
              socket.data.pending = Buffer.concat([socket.data.pending, more])
              flush()
            },
            end: () => {
              socket.data.ending = true
              flush()
            },
            abort: () => socket.terminate(),
            pause: () => socket.pause(),
            resume: () => socket.resume(),
          }
          socket.data = { connection, pending: Buffer.alloc(0), ending: false }
          this.connections.push(connection)
        },
        data: (socket, bytes) => {
          const { connection } = socket.data
          connection.bytes += bytes.length
          if (this.keeps) connection.received += bytes.toString('latin1')
          this.#onData(connection)
        },
        drain: (socket) => {
          const taken = Math.max(socket.write(socket.data.pending), 0)
          socket.data.pending = socket.data.pending.subarray(taken)
          if (socket.data.pending.length === 0 && socket.data.ending) socket.end()
        },
        end: (socket) => {
          socket.end()
        },
        close: (socket) => {
          socket.data.connection.closed = true
        },
      },
    })
  }

  get port(): number {
    return this.#listener.port
  }

  /** Everything received, over all connections. */
  get received(): string {
    return this.connections.map((connection) => connection.received).join('')
  }

  stop(): void {
    this.#listener.stop(true)
  }
}

/** A server that answers each complete bodiless request with `answer(number of the request)`. */
export function answering(answer: (request: string, number: number) => string): RawServer {
  let number = 0
  const seen = new WeakMap<RawConnection, number>()
  return new RawServer((connection) => {
    let from = seen.get(connection) ?? 0
    for (;;) {
      const end = connection.received.indexOf('\r\n\r\n', from)
      if (end < 0) break
      const request = connection.received.slice(from, end + 4)
      from = end + 4
      seen.set(connection, from)
      connection.send(answer(request, number++))
    }
  })
}

/** A response with a length. */
export function okResponse(body = 'hello', lines = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${lines}\r\n${body}`
}
