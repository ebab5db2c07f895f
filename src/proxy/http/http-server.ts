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
    drain: (timeoutMs, idleMs = 0) => drain(context, timeoutMs, idleMs),
    onTimeoutsReduced: () => {
      for (const connection of context.connections) connection.rescale()
    },
  }
}

function drain(context: HttpContext, timeoutMs: number, idleMs: number): Promise<void> {
  context.draining = true
  // With time for it every client is told: by GOAWAY, or by a response head. One whose head has left without the word stays open, too.
  const close = (): void => {
    for (const connection of context.connections) connection.drain()
  }
  if (idleMs <= 0) close()
  else for (const connection of context.connections) connection.announceEnd()
  if (context.connections.size === 0) return Promise.resolve()
  const { timers } = context.options
  const idleEnd = timers.after(Math.min(idleMs, timeoutMs), close)
  const { promise, resolve } = Promise.withResolvers<void>()
  const deadline = timers.after(timeoutMs, () => {
    for (const connection of context.connections) connection.cut()
  })
  const before = context.onEmpty
  context.onEmpty = () => {
    context.onEmpty = before
    deadline.cancel()
    idleEnd.cancel()
    before?.()
    resolve()
  }
  return promise
}
