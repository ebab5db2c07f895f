/** What every Bookinfo process shares: where it listens, how it names itself, how it ends. */

/** Answers one request of a matched route; `params` are the named parts of its path. */
export type Handler = (request: Request, params: ReadonlyMap<string, string>) => Response | Promise<Response>

/** An application: its name, its version and what it answers on which path (`/reviews/:id`). */
export interface Application {
  readonly service: string
  readonly version: string
  readonly routes: Readonly<Record<string, Handler>>
}

/** A started application. */
export interface RunningApplication {
  readonly url: string
  readonly port: number
  readonly stop: () => Promise<void>
}

/** Name of this instance: the workload's id when `weft run` started it, else service and version. */
export function podName(application: Pick<Application, 'service' | 'version'>): string {
  return process.env['WEFT_WORKLOAD_ID'] ?? `${application.service}-${application.version}`
}

/** JSON with a line end, as people look at it with curl. */
export function json(value: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(value)}\n`, { status, headers: { 'content-type': 'application/json' } })
}

function matchPath(pattern: string, path: string): ReadonlyMap<string, string> | undefined {
  const wanted = pattern.split('/')
  const got = path.split('/')
  if (wanted.length !== got.length) return undefined
  const params = new Map<string, string>()
  for (const [index, part] of wanted.entries()) {
    const text = got[index] ?? ''
    if (part.startsWith(':')) {
      if (text === '') return undefined
      params.set(part.slice(1), text)
    } else if (part !== text) return undefined
  }
  return params
}

async function answer(application: Application, request: Request): Promise<Response> {
  const path = new URL(request.url).pathname
  if (path === '/health') return json({ status: `${application.service} is healthy` })
  for (const [pattern, handler] of Object.entries(application.routes)) {
    const params = matchPath(pattern, path)
    if (params === undefined) continue
    try {
      return await handler(request, params)
    } catch (error) {
      return json({ error: error instanceof Error ? error.message : String(error) }, 500)
    }
  }
  return json({ error: `No such path: ${path}` }, 404)
}

/**
 * Serves an application on 127.0.0.1.
 *
 * @param port From the variable `PORT` in a process of its own; 0 takes a free one.
 */
export function startApplication(application: Application, port: number): RunningApplication {
  const pod = podName(application)
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    idleTimeout: 120,
    fetch: async (request) => {
      const response = await answer(application, request)
      response.headers.set('x-app-version', application.version)
      response.headers.set('x-app-pod', pod)
      return response
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port ?? port,
    stop: async () => {
      // Idle connections are kept open by a pool for as long as it likes: only requests in flight are waited for.
      const closed = server.stop()
      while (server.pendingRequests > 0) await Bun.sleep(10)
      await server.stop(true)
      await closed
    },
  }
}
