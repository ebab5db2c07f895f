import { Connection } from './connection.ts'
import { Http2Connection } from './http2-connection.ts'
import { HttpContext } from './context.ts'
import type { HttpServer, HttpServerOptions } from './contract.ts'

/** Makes the HTTP side of one listener filter chain. It opens nothing by itself; dropping it after `drain` leaves nothing behind. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const context = new HttpContext(options)
  return {
    accept: (socket, info) => {
      const { codec } = options.manager()
      const multiplexed = codec === 'http2' || (codec !== 'http1' && info.alpn === 'h2')
      return multiplexed ? new Http2Connection(context, socket, info) : new Connection(context, socket, info)
    },
    get connections() {
      return context.connections.size
    },
    get activeRequests() {
      return context.activeRequests
    },
    onTimeoutsReduced: () => {
      for (const connection of context.connections) connection.rescale()
    },
    drain: (timeoutMs) => drain(context, timeoutMs),
  }
}

function drain(context: HttpContext, timeoutMs: number): Promise<void> {
  context.draining = true
  for (const connection of context.connections) connection.drain()
  if (context.connections.size === 0) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const deadline = context.options.timers.after(timeoutMs, () => {
    for (const connection of context.connections) connection.cut()
  })
  const before = context.onEmpty
  context.onEmpty = () => {
    context.onEmpty = before
    deadline.cancel()
    before?.()
    resolve()
  }
  return promise
}
