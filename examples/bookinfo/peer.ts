/** Calls from one Bookinfo service to another, by ordinary names; the proxy is found through `HTTP_PROXY`. */

/** Headers that travel with a request through all services: who asks, and what joins the spans of a trace. */
const forwardedHeaders = [
  'end-user',
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
] as const

/** Headers of `request` to send along with the calls that it causes. */
export function forwardHeaders(request: Request): Headers {
  const headers = new Headers()
  for (const name of forwardedHeaders) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  return headers
}

/** What a peer answered: a status and JSON, or, when it could not be reached, status 503 and no body. */
export interface PeerAnswer {
  readonly status: number
  readonly body: unknown
}

/**
 * Asks a peer for JSON.
 *
 * @param url With an ordinary name: `http://ratings:9080/ratings/0`.
 * @param timeoutMs Longer than the delays that the fault examples inject (7 s).
 */
export async function askPeer(url: string, headers: Headers, timeoutMs: number): Promise<PeerAnswer> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) })
    const text = await response.text()
    try {
      return { status: response.status, body: JSON.parse(text) }
    } catch {
      // A proxy's own answers (fault, no route) are plain text.
      return { status: response.status, body: text }
    }
  } catch {
    // No proxy, no route or a timeout: to the caller all are an unavailable peer.
    return { status: 503, body: undefined }
  }
}

/** Base URL of a service: `<NAME>_URL` when set (tests), else its ordinary name on port 9080. */
export function peerUrl(service: string): string {
  return process.env[`${service.toUpperCase()}_URL`] ?? `http://${service}:9080`
}
