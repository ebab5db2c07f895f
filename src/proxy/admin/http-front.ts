import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { AdminLimits } from './limits.ts'
import { text } from './replies.ts'

/** Where HTTP is served: a port, a listening socket that was opened already, or a Unix socket. */
export type FrontPlace =
  | { readonly address: string; readonly port: number; readonly descriptor?: number | undefined }
  | { readonly unix: string }

/** A small HTTP server whose listening socket can be handed over, which `Bun.serve` does not give away. */
export interface HttpFront extends AsyncDisposable {
  /** 0 on a Unix socket. */
  readonly port: number
  /** Of the listening socket; below 0 when it cannot be told. */
  readonly descriptor: () => number
  /** Stops accepting; connections that are open are answered until the disposal. */
  readonly stop: () => void
}

/** Serves requests without bodies; for the few requests a second of an admin interface. Rejects when it cannot bind. */
export async function openHttpFront(
  place: FrontPlace,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<HttpFront> {
  const http = createHttpServer((incoming, outgoing) => void respond(incoming, outgoing, answer))
  http.keepAliveTimeout = AdminLimits.idleTimeoutSeconds * 1000
  http.headersTimeout = AdminLimits.idleTimeoutSeconds * 1000
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    http.emit('connection', socket)
  })
  await listen(server, place)
  const bound = server.address()
  const ownPort = typeof bound === 'object' && bound !== null ? bound.port : 0
  return {
    port: 'unix' in place ? 0 : place.descriptor === undefined ? ownPort : place.port,
    descriptor: () => {
      const handle: unknown = Reflect.get(server, '_handle')
      const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
      return typeof fd === 'number' ? fd : -1
    },
    stop: () => void server.close(),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server, place: FrontPlace): Promise<void> {
  const options: ListenOptions & { fd?: number } =
    'unix' in place
      ? { path: place.unix }
      : place.descriptor === undefined
        ? { host: place.address, port: place.port, exclusive: true }
        : { fd: place.descriptor }
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<void> {
  const response = await toRequest(incoming, answer)
  const body = Buffer.from(await response.arrayBuffer())
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), 'content-length': body.length })
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

async function toRequest(
  { method = 'GET', url = '/', headers }: IncomingMessage,
  answer: (request: Request) => Response | Promise<Response>,
): Promise<Response> {
  try {
    // No request needs a body; what comes is not kept.
    if (Number(headers['content-length'] ?? 0) > AdminLimits.requestBodyBytes) return text('Content too large\n', 413)
    const { host = 'localhost', origin } = headers
    return await answer(
      new Request(`http://${host}${url}`, { method, headers: origin === undefined ? {} : { origin } }),
    )
  } catch {
    // A target or host that is no URL, or a worker that ended under the question.
    return new Response('Bad request\n', { status: 400 })
  }
}
