/**
 * The application of the soak, a process of its own so that it can be killed and stopped: HTTP/1.1 with WebSocket, HTTP/2 without TLS shaped as
 * gRPC, TCP echo, UDP echo. Arguments: the four ports.
 */
import { createSocket } from 'node:dgram'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer } from 'node:net'

import { endWithParent } from '../../src/cli/end-with-parent.ts'
import { patternOf } from './pattern.ts'

const hostname = '127.0.0.1'
const chunkBytes = 16_384

function inChunks(bytes: number): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull: (controller) => {
      if (sent === bytes) return controller.close()
      const end = Math.min(bytes, sent + chunkBytes)
      controller.enqueue(patternOf(end).subarray(sent))
      sent = end
    },
  })
}

async function answer(request: Request): Promise<Response> {
  const [, verb, size] = new URL(request.url).pathname.split('/')
  switch (verb) {
    case 'bytes':
      return new Response(patternOf(Number(size)))
    case 'chunked':
      return new Response(inChunks(Number(size)))
    case 'late':
      await Bun.sleep(Number(size))
      return new Response(patternOf(100))
    case 'echo':
      return new Response(request.body)
    case 'take': {
      let bytes = 0
      for await (const part of request.body ?? []) bytes += part.length
      return new Response(String(bytes))
    }
    default:
      return new Response('no such path', { status: 404 })
  }
}

function serveStream(stream: ServerHttp2Stream): void {
  stream.on('error', () => stream.close())
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
  stream.pipe(stream)
}

endWithParent(process.env)
const [http = 0, grpc = 0, tcp = 0, udp = 0] = process.argv.slice(2).map(Number)

Bun.serve({
  hostname,
  port: http,
  idleTimeout: 20,
  fetch: (request, server) => {
    if (request.headers.get('upgrade') === 'websocket' && server.upgrade(request)) return undefined
    return answer(request)
  },
  websocket: { message: (socket, message) => void socket.send(message) },
})

const streams = createHttp2Server()
streams.on('stream', serveStream)
streams.on('sessionError', () => undefined)
streams.listen(grpc, hostname)

createTcpServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  socket.pipe(socket)
}).listen(tcp, hostname)

const datagrams = createSocket('udp4')
datagrams.on('message', (bytes, { port, address }) => datagrams.send(bytes, port, address))
datagrams.bind(udp, hostname)
