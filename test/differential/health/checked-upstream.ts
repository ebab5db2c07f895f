import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Answer, CheckGate, type CheckedUpstream } from './check-gate.ts'

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** Starts an application that speaks HTTP/1.1, or HTTP/2 by prior knowledge; it is checked at `/check`. */
export async function startCheckedUpstream(first: Answer, http2: boolean): Promise<CheckedUpstream> {
  const gate = new CheckGate(first)
  const serve = (request: Request, response: Response): void => {
    if (request.url === '/poison') response.setHeader('x-envoy-immediate-health-check-fail', 'true')
    if (request.url?.startsWith('/check') === true)
      gate.onCheck(describe(request), (answer) => give(answer, request, response))
    else response.end('served')
  }
  const sessions = new Set<ServerHttp2Session>()
  const server = http2 ? createHttp2Server(serve) : createServer({ keepAliveTimeout: 0 }, serve)
  if (http2) server.on('session', (session: ServerHttp2Session) => void sessions.add(session))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as AddressInfo
  return {
    port,
    checks: gate.checks,
    hold: gate.hold,
    checked: gate.checked,
    answer: gate.answer,
    [Symbol.dispose]() {
      server.close()
      for (const session of sessions) session.destroy()
      if ('closeAllConnections' in server) server.closeAllConnections()
    },
  }
}

function describe({ method, url, rawHeaders }: Request): string {
  const fields: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    fields.push(`${rawHeaders[index]?.toLowerCase()}: ${rawHeaders[index + 1]}`)
  }
  return [`${method} ${url}`, ...fields.toSorted()].join('\n')
}

function give(answer: Answer, request: Request, response: Response): void {
  switch (answer) {
    case 'silence':
      return
    case 'close':
      if ('stream' in request) request.stream.session?.destroy()
      else request.socket.destroy()
      return
    case 'degraded':
      response.setHeader('x-envoy-degraded', 'true')
      break
    case 'immediate':
      response.setHeader('x-envoy-immediate-health-check-fail', 'true')
      response.statusCode = 503
      break
    case 'poison':
      break
    default:
      response.statusCode = Number(answer)
  }
  response.setHeader('x-envoy-upstream-healthchecked-cluster', 'reviews')
  response.end(response.statusCode === 204 ? '' : 'all is well')
}
