/** Plain text, as Envoy sends it. */
export function text(body: string, status = 200): Response {
  return new Response(body, {
    status,
    headers: {
      'content-type': 'text/plain; charset=UTF-8',
      'cache-control': 'no-cache, max-age=0',
      'x-content-type-options': 'nosniff',
    },
  })
}

/** JSON with an indent of one, as Envoy sends it. */
export function json(body: unknown): Response {
  return new Response(`${JSON.stringify(body, undefined, 1)}\n`, {
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache, max-age=0',
      'x-content-type-options': 'nosniff',
    },
  })
}

/** Prometheus' text format. */
export function prometheus(body: string): Response {
  return new Response(body, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
}

/** The command is there, what it was asked for is not. */
export function notFound(message: string): Response {
  return text(`${message}\n`, 404)
}

/** A query that cannot be answered, with what was expected. */
export function badRequest(message: string): Response {
  return text(`${message}\n`, 400)
}
