import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** An upstream that says its name to whoever connects and keeps what it is sent. */
export class SpeakingUpstream {
  readonly name: string
  /** What came on the last connection. */
  received = ''
  connections = 0
  #server: Server | undefined
  readonly #open = new Set<Socket>()

  constructor(name: string) {
    this.name = name
  }

  /** Listens on a free loopback port. */
  async listen(): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket))
    this.#server = server
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    return (server.address() as AddressInfo).port
  }

  close(): void {
    this.#server?.close()
    for (const socket of this.#open) socket.destroy()
  }

  #serve(socket: Socket): void {
    this.#open.add(socket)
    this.connections += 1
    this.received = ''
    socket.write(`${this.name}\n`)
    socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1')
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => undefined)
    socket.on('close', () => this.#open.delete(socket))
  }
}
