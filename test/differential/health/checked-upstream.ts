import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What an upstream does when it is checked; `poison`: a client's request is told that the upstream must get no more, then the check passes. */
export type Answer = '200' | '204' | '429' | '500' | '503' | 'degraded' | 'immediate' | 'close' | 'silence' | 'poison'

/** An application that is checked: it answers the first check at once, and each later one when it is told to. */
export interface CheckedUpstream extends Disposable {
  readonly port: number
  /** Request line and fields of each check, without what differs from machine to machine. */
  readonly checks: readonly string[]
  /** Resolves when this many checks have come; the last of them waits for its answer. */
  readonly checked: (count: number) => Promise<void>
  /** Answers the check that waits. */
  readonly answer: (answer: Answer) => void
}

/** Starts one. */
export async function startCheckedUpstream(first: Answer): Promise<CheckedUpstream> {
  const checks: string[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  let held: { readonly request: IncomingMessage; readonly response: ServerResponse } | undefined
  const server = createServer((request, response) => {
    if (request.url === '/poison') response.setHeader('x-envoy-immediate-health-check-fail', 'true')
    if (request.url?.startsWith('/check') !== true) {
      response.end('served')
      return
    }
    checks.push(describe(request))
    if (checks.length === 1) give(first, request, response)
    else held = { request, response }
    for (const waiter of waiting) if (checks.length >= waiter.count) waiter.resolve()
  })
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    checks,
    checked: (count) =>
      new Promise((resolve) => {
        if (checks.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    answer(answer) {
      if (held !== undefined) give(answer, held.request, held.response)
      held = undefined
    },
    [Symbol.dispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function describe({ method, url, rawHeaders }: IncomingMessage): string {
  const fields: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    fields.push(`${rawHeaders[index]?.toLowerCase()}: ${rawHeaders[index + 1]}`)
  }
  return [`${method} ${url}`, ...fields.toSorted()].join('\n')
}

function give(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  switch (answer) {
    case 'silence':
      return
    case 'close':
      request.socket.destroy()
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
  response.end(response.statusCode === 204 ? undefined : 'all is well')
}
