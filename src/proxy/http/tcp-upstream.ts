import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import { Head, scanResponseHead } from '../../wire/http1/index.ts'
import type { Exchange } from './exchange.ts'
import { fieldTable } from './fields.ts'
import { SocketOutput } from './socket-output.ts'
import type { UpstreamLeg } from './upstream-leg.ts'
import type { UpstreamSide } from './upstream-side.ts'

/** What the client of a CONNECT is told when the connection is there. */
const established = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')

/** The upstream of a CONNECT that ends here (`connect_config`): a connection of its own whose octets are the tunnel's. */
export class TcpUpstream implements SocketOwner, UpstreamSide {
  readonly head: Head
  readonly #exchange: Exchange
  readonly #leg: UpstreamLeg
  readonly #output: SocketOutput = new SocketOutput()
  #paused = false
  #endWhenFlushed = false

  constructor(exchange: Exchange, leg: UpstreamLeg) {
    const { limits } = exchange.context.options
    this.#exchange = exchange
    this.#leg = leg
    this.head = new Head(fieldTable, {
      headBytes: limits.responseHeadBytes,
      fieldCount: limits.responseHeaderCount,
      fieldBytes: limits.headerFieldBytes,
    })
  }

  get socket(): StreamSocket | undefined {
    return this.#output.socket
  }

  get waiting(): number {
    return this.#output.waiting
  }

  /** Takes a connection that nobody used before. */
  attach(socket: StreamSocket): void {
    socket.data = this
    this.#output.attach(socket)
    this.head.reset()
    scanResponseHead(this.head, established, established.length)
    this.head.bytes = established
  }

  /** Nothing of the request goes upstream: the tunnel is open. */
  send(): boolean {
    const { relay } = this.#leg
    this.#leg.answered = true
    relay.arrivedAt = this.#exchange.context.options.timers.now()
    relay.startTunnel(this.head)
    return true
  }

  sendBody(): boolean {
    return true
  }

  flushBody(): boolean {
    return true
  }

  endBody(): boolean {
    return true
  }

  sendTunnel(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#output.write(bytes, start, end)
  }

  endTunnel(): void {
    this.#endWhenFlushed = true
    if (this.#output.waiting === 0) this.#output.socket?.shutdown()
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#output.socket?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#output.socket?.resume()
  }

  /** A tunnel's connection serves nobody else. */
  release(): void {
    this.abandon()
  }

  abandon(): void {
    const { socket } = this.#output
    this.#output.attach(undefined)
    this.#paused = false
    this.#endWhenFlushed = false
    socket?.terminate()
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    if (socket !== this.#output.socket) return
    const { relay } = this.#leg
    relay.arrivedAt = this.#exchange.context.options.timers.now()
    relay.data(bytes, 0, bytes.length)
    relay.flush()
  }

  onDrain(socket: StreamSocket): void {
    if (socket !== this.#output.socket || !this.#output.flush()) return
    if (this.#endWhenFlushed) socket.shutdown()
    else this.#exchange.stream.resume()
  }

  onEnd(socket: StreamSocket): void {
    this.#gone(socket)
  }

  onClose(socket: StreamSocket): void {
    this.#gone(socket)
  }

  #gone(socket: StreamSocket): void {
    if (socket === this.#output.socket) this.#exchange.stream.endTunnel()
  }
}
