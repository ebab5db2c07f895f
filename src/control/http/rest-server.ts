import { createHash, timingSafeEqual } from 'node:crypto'
import { MeshError } from '../../base/index.ts'
import { HttpError, parseRequest, toErrorAnswer } from './http-error.ts'
import { createOpenApi } from './openapi.ts'
import { readJsonBody } from './read-body.ts'
import type { Route } from './route.ts'
import { createRouter } from './router.ts'

/** Key and certificate of the HTTPS server, PEM. */
export interface RestCredentials {
  readonly certificateChain: string
  readonly privateKey: string
}

/** What a REST server is made of. */
export interface RestServerOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly credentials: RestCredentials
  /** Bearer token of every route that asks for it. */
  readonly token: string
  readonly version: string
  readonly routes: readonly Route[]
  readonly log: (line: string) => void
}

/** A REST server that listens. */
export interface RestServer extends AsyncDisposable {
  readonly port: number
  /** Uses another certificate for new connections. */
  readonly setCredentials: (credentials: RestCredentials) => void
}

/** Seconds that a connection may be silent; longer than the longest long poll (120 s). */
const idleTimeoutSeconds = 150

/**
 * Serves the routes and `/openapi.json` over HTTPS.
 *
 * @throws {MeshError} `WEFT_CONTROL_LISTEN` if the port cannot be bound.
 */
export function startRestServer(options: RestServerOptions): RestServer {
  const handle = createHandler(options)
  let server = listen(options.port, options.credentials)
  const port = server.port ?? options.port

  function listen(wanted: number, { certificateChain, privateKey }: RestCredentials) {
    try {
      return Bun.serve({
        hostname: options.host,
        port: wanted,
        tls: { cert: certificateChain, key: privateKey },
        idleTimeout: idleTimeoutSeconds,
        // The routes' own limits are smaller; this one only bounds what is read of a body that nobody asked for.
        maxRequestBodySize: 64 * 1024 * 1024,
        development: false,
        // Outside of development Bun would share the port with any other process that asks for it.
        reusePort: false,
        fetch: handle,
      })
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new MeshError('WEFT_CONTROL_LISTEN', `Cannot serve REST on ${options.host}:${wanted}: ${reason}`, { cause })
    }
  }

  return {
    port,
    setCredentials: (credentials) => {
      // Bun cannot change the certificate of a server that listens. Closing the listening socket and opening the next one
      // happen in one turn of the event loop; requests that run are finished by the old one.
      void server.stop(false)
      server = listen(port, credentials)
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop(true)
    },
  }
}

function createHandler(options: RestServerOptions): (request: Request) => Promise<Response> {
  const { routes, version, log } = options
  const findRoute = createRouter(routes)
  const isAuthorized = createTokenCheck(options.token)
  const openApi = JSON.stringify(createOpenApi(routes, version))
  return async (request) => {
    try {
      const url = new URL(request.url)
      if (url.pathname === '/openapi.json' && (request.method === 'GET' || request.method === 'HEAD')) {
        return jsonResponse(200, openApi)
      }
      const match = findRoute(request.method, url.pathname)
      if (match.kind === 'unknown') {
        throw new HttpError(404, 'WEFT_CONTROL_NOT_FOUND', `Nothing is served at ${url.pathname.slice(0, 200)}`)
      }
      if (match.kind === 'wrong-method') {
        const allow = [...new Set(match.allowed)].join(', ')
        const message = `Expected ${allow} for ${url.pathname.slice(0, 200)}, got ${request.method}`
        throw new HttpError(405, 'WEFT_CONTROL_METHOD', message, { headers: { allow } })
      }
      const { route, params } = match
      // Before anything of the body is read.
      if (route.auth === 'token' && !isAuthorized(request.headers.get('authorization'))) {
        const headers = { 'www-authenticate': 'Bearer realm="weft"' }
        throw new HttpError(401, 'WEFT_CONTROL_UNAUTHORIZED', 'The bearer token is missing or wrong', { headers })
      }
      const query = route.query && parseRequest(route.query, Object.fromEntries(url.searchParams), 'query')
      const body =
        route.body && parseRequest(route.body.schema, await readJsonBody(request, route.body.limitBytes), 'body')
      const answer = await route.handle({ params, query: query ?? {}, body, signal: request.signal })
      return jsonResponse(200, JSON.stringify(answer))
    } catch (cause) {
      const { status, body, headers } = toErrorAnswer(cause, log)
      return jsonResponse(status, JSON.stringify(body), headers)
    }
  }
}

function jsonResponse(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })
}

/** Compares hashes in constant time, so that neither content nor length of the token can be measured. */
function createTokenCheck(token: string): (header: string | null) => boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = hash(token)
  return (header) => {
    const [, given] = /^Bearer +(\S{1,512})$/i.exec(header ?? '') ?? []
    return given !== undefined && timingSafeEqual(hash(given), expected)
  }
}
