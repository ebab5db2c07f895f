import type { JsonObject } from '@bufbuild/protobuf'

/** What the upstream does about one request. */
export interface Answer {
  /** When: as soon as it is connected to, at the end of the request's head, or at the end of the request (the default). */
  readonly on?: 'connect' | 'head' | 'message'
  readonly send?: string
  /** How it ends the connection afterwards; it stays open by default. */
  readonly end?: 'fin' | 'reset'
}

/** One step of a case, taken when the one before is done. A wait ends also when the client's connection does. */
export type Step =
  | { readonly kind: 'send'; readonly text: string }
  /** One write for each octet. */
  | { readonly kind: 'dribble'; readonly text: string }
  | { readonly kind: 'await-responses'; readonly count: number }
  | { readonly kind: 'await-received'; readonly text: string }
  | { readonly kind: 'await-upstream'; readonly text: string }
  | { readonly kind: 'await-upstream-closed' }
  /** The upstream says more on its newest connection. */
  | { readonly kind: 'upstream-send'; readonly text: string }
  | { readonly kind: 'upstream-end'; readonly how: 'fin' | 'reset' }
  | { readonly kind: 'fin' }
  | { readonly kind: 'await-closed' }
  /** Asks whether the connection still serves requests: the last step unless a case has its own end. */
  | { readonly kind: 'probe' }

/** One exchange that both proxies are put through, on a listener, a cluster and an upstream port of its own. */
export interface HttpCase {
  readonly name: string
  /** A text is sent in one write, then one response is awaited and the connection probed. */
  readonly steps: string | readonly Step[]
  /** The answer to the first request on the upstream's port, to the second, and so on; the last one goes for all that follow. */
  readonly answers?: readonly Answer[]
  /** Numbers of the final responses that answer HEAD. */
  readonly heads?: readonly number[]
  /** Routes; `CLUSTER` stands for the case's cluster, `REFUSED` for one where nobody listens. All to `CLUSTER` by default. */
  readonly routes?: readonly JsonObject[]
  readonly virtualHost?: JsonObject
  /** Fields of the connection manager. */
  readonly manager?: JsonObject
  /** Fields of the cluster. */
  readonly cluster?: JsonObject
  /** What the upstream gets are the octets of a tunnel, no messages. */
  readonly tunnel?: true
  /** HTTP filters before the router. */
  readonly filters?: readonly JsonObject[]
  /** The input is an attack or broken: Weft may refuse what Envoy takes, never the other way round. */
  readonly hostile?: true
}

/** The request that asks whether a connection is still served. */
export const probe = 'GET /probe HTTP/1.1\r\nHost: probe.test\r\n\r\n'

/** What answers it. */
export const probeBody = 'the connection is served'

/** The upstream's answer where a case says nothing. */
export const plainAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

export const send = (text: string): Step => ({ kind: 'send', text })
export const awaitResponses = (count = 1): Step => ({ kind: 'await-responses', count })
export const received = (text: string): Step => ({ kind: 'await-received', text })
export const upstreamGot = (text: string): Step => ({ kind: 'await-upstream', text })
export const upstreamSend = (text: string): Step => ({ kind: 'upstream-send', text })
export const upstreamEnd = (how: 'fin' | 'reset'): Step => ({ kind: 'upstream-end', how })
export const upstreamClosed: Step = { kind: 'await-upstream-closed' }
export const fin: Step = { kind: 'fin' }
export const closed: Step = { kind: 'await-closed' }
export const askAgain: Step = { kind: 'probe' }

/** A request with these field lines and this body; HTTP/1.1 and a `Host` unless the target is given with a version. */
export function request(line: string, lines: readonly string[] = [], body = ''): string {
  const full = / HTTP\/\d\.\d$/.test(line) ? line : `${line} HTTP/1.1`
  const host = lines.some((text) => /^host:/i.test(text)) || full.endsWith('1.0') ? [] : ['Host: app.test']
  return `${[full, ...host, ...lines].join('\r\n')}\r\n\r\n${body}`
}

/** A response with these field lines and this body; its length is told unless the lines frame it. */
export function response(status: string, lines: readonly string[] = [], body = ''): string {
  const framed = lines.some((text) => /^(content-length|transfer-encoding):/i.test(text))
  const length = framed ? [] : [`content-length: ${body.length}`]
  return `${[`HTTP/1.1 ${status}`, ...lines, ...length].join('\r\n')}\r\n\r\n${body}`
}
