/**
 * HTTP/1.1 load that forgives nothing: no retry, and every connection that ends under a request, or before it is asked to, is a
 * failure. A client that is told `Connection: close` opens a new connection, as any client does.
 */
import type { Socket } from 'bun'

/** What a strict load saw. */
export interface StrictResult {
  readonly requests: number
  readonly connections: number
  /** One text for each failed request, at most a hundred. */
  readonly failures: readonly string[]
  /** How often each body was answered. */
  readonly bodies: ReadonlyMap<string, number>
}

/** Load that runs until it is stopped. */
export interface StrictLoad {
  readonly requests: () => number
  readonly bodies: ReadonlyMap<string, number>
  readonly stop: () => Promise<StrictResult>
}

/** What is sent. */
export interface StrictLoadOptions {
  readonly port: number
  /** Clients that keep their connection. */
  readonly keepAlive: number
  /** Clients that open a connection for each request. */
  readonly fresh: number
  /** TLS without verification of the server. */
  readonly tls?: boolean
  readonly path?: string
}

interface Counts {
  requests: number
  connections: number
  readonly failures: string[]
  readonly bodies: Map<string, number>
  isStopped: boolean
}

/** Starts the clients. */
export function startStrictLoad(options: StrictLoadOptions): StrictLoad {
  const counts: Counts = { requests: 0, connections: 0, failures: [], bodies: new Map(), isStopped: false }
  const clients = [
    ...Array.from({ length: options.keepAlive }, () => runClient(options, counts, true)),
    ...Array.from({ length: options.fresh }, () => runClient(options, counts, false)),
  ]
  return {
    requests: () => counts.requests,
    bodies: counts.bodies,
    stop: async () => {
      counts.isStopped = true
      await Promise.all(clients)
      const { requests, connections, failures, bodies } = counts
      return { requests, connections, failures, bodies }
    },
  }
}

async function runClient(options: StrictLoadOptions, counts: Counts, keepAlive: boolean): Promise<void> {
  let connection: Connection | undefined
  while (!counts.isStopped) {
    try {
      if (connection === undefined) {
        connection = await Connection.open(options)
        counts.connections += 1
      }
      const { body, close } = await connection.ask(options.path ?? '/', keepAlive)
      counts.bodies.set(body, (counts.bodies.get(body) ?? 0) + 1)
      if (close) {
        connection.end()
        connection = undefined
      }
    } catch (cause) {
      if (counts.failures.length < 100) counts.failures.push(cause instanceof Error ? cause.message : String(cause))
      connection?.end()
      connection = undefined
      // A port that refuses must not be asked without end.
      await Bun.sleep(5)
    }
    counts.requests += 1
  }
  connection?.end()
}

interface StrictAnswer {
  readonly body: string
  readonly close: boolean
}

class Connection {
  #socket: Socket | undefined
  #text = ''
  #waiting: PromiseWithResolvers<StrictAnswer> | undefined
  #asked = 0

  static async open({ port, tls }: StrictLoadOptions): Promise<Connection> {
    const connection = new Connection()
    const { promise: secured, resolve, reject } = Promise.withResolvers<void>()
    connection.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      ...(tls === true ? { tls: { rejectUnauthorized: false } } : {}),
      socket: {
        data: (_, bytes) => connection.#onText(bytes.toString('latin1')),
        ...(tls === true
          ? {
              handshake: (_: unknown, success: boolean) => {
                if (success) resolve()
                else reject(new Error('TLS handshake failed'))
              },
            }
          : {}),
        close: () => {
          reject(new Error('Connection closed before it was secured'))
          connection.#onEnd('closed')
        },
        end: () => connection.#onEnd('ended'),
        error: (_, error) => connection.#onEnd(error.message),
      },
    })
    if (tls === true) await secured
    else resolve()
    return connection
  }

  ask(path: string, keepAlive: boolean): Promise<StrictAnswer> {
    const answer = Promise.withResolvers<StrictAnswer>()
    this.#waiting = answer
    this.#asked += 1
    const head = `GET ${path} HTTP/1.1\r\nhost: load\r\n${keepAlive ? '' : 'connection: close\r\n'}\r\n`
    if (this.#socket?.write(head) !== head.length) this.#onEnd('gone before the request was written')
    return answer.promise
  }

  end(): void {
    this.#socket?.end()
  }

  #onText(text: string): void {
    this.#text += text
    const headEnd = this.#text.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#text.slice(0, headEnd).toLowerCase()
    const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? '0')
    if (this.#text.length < headEnd + 4 + length) return
    const body = this.#text.slice(headEnd + 4, headEnd + 4 + length)
    this.#text = ''
    const waiting = this.#waiting
    this.#waiting = undefined
    if (head.startsWith('http/1.1 200')) waiting?.resolve({ body, close: /connection: close/.test(head) })
    else waiting?.reject(new Error(`${head.slice(0, 12)} ${body}`))
  }

  #onEnd(how: string): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(
      new Error(`Connection ${how} under request ${this.#asked}, with ${this.#text.length} bytes of an answer`),
    )
  }
}
