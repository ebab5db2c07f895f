import type { BodyFraming, Head } from '../../wire/http1/index.ts'
import type { HttpContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import {
  type BodyDelivery,
  type LocalReply,
  writeInterimHead,
  writeLocalReply,
  writeResponseHead,
  writeTunnelHead,
} from './response-writer.ts'
import type { SocketOutput } from './socket-output.ts'
import { writeTrailers } from './trailers.ts'

/**
 * Writes responses to an HTTP/1.1 client. Small pieces are gathered in the context's writer behind the head, so that they leave in one write;
 * `flush` must follow before anybody else writes.
 */
export class Http1Responder {
  readonly #context: HttpContext
  readonly #output: SocketOutput
  #delivery: BodyDelivery = 'none'
  #flowing = true

  constructor(context: HttpContext, output: SocketOutput) {
    this.#context = context
    this.#output = output
  }

  interim(exchange: Exchange, head: Head): void {
    if (exchange.request.head.minorVersion === 0) return
    const { writer } = this.#context
    writer.begin(this)
    writeInterimHead(writer, head, exchange.plan)
    this.flush()
  }

  head(exchange: Exchange, head: Head, framing: BodyFraming): void {
    this.#delivery = chooseDelivery(exchange, framing)
    const { writer } = this.#context
    writer.begin(this)
    writeResponseHead(writer, exchange, head, this.#delivery)
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    const { options, writer } = this.#context
    const length = end - start
    if (length === 0) return
    if (this.#delivery === 'chunked') {
      writer.resume(this)
      writer.chunkSize(length)
      writer.copy(bytes, start, end)
      writer.text('\r\n')
    } else if (writer.holds(this) && length <= options.limits.gatheredBytes) writer.copy(bytes, start, end)
    else {
      this.#send()
      if (!this.#output.write(bytes, start, end)) this.#flowing = false
    }
  }

  end(trailers: Buffer | undefined): void {
    if (this.#delivery !== 'chunked') return
    const { options, writer } = this.#context
    writer.resume(this)
    writer.text('0\r\n')
    if (trailers !== undefined) writeTrailers(writer, trailers, options.limits.trailerCount)
    writer.text('\r\n')
  }

  /** False when the client is slow. */
  flush(): boolean {
    this.#send()
    const flowing = this.#flowing
    this.#flowing = true
    return flowing
  }

  reply(exchange: Exchange, reply: LocalReply): void {
    const { writer } = this.#context
    writer.begin(this)
    writeLocalReply(writer, exchange, reply)
    this.flush()
  }

  startTunnel(exchange: Exchange, head: Head): void {
    const { writer } = this.#context
    this.#delivery = 'until-close'
    writer.begin(this)
    writeTunnelHead(writer, exchange, head)
    this.flush()
  }

  #send(): void {
    const { writer } = this.#context
    if (!writer.holds(this)) return
    if (!this.#output.write(writer.bytes, 0, writer.length)) this.#flowing = false
    writer.reset()
  }
}

function chooseDelivery(exchange: Exchange, framing: BodyFraming): BodyDelivery {
  if (framing === 'none' || framing === 'length') return framing
  if (exchange.request.head.minorVersion === 1) return 'chunked'
  exchange.keepAlive = false
  return 'until-close'
}
