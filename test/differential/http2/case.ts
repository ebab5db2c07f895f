import type { JsonObject } from '@bufbuild/protobuf'

import type { FramePeer, RawField, SeenStream } from '../../harness/frame-peer.ts'
import type { Answer } from '../http/case.ts'
import type { CaseClient } from './run-case.ts'

/** What an HTTP/2 upstream does about one request, on the connection that it came on. */
export type Http2Answer = (peer: FramePeer, stream: SeenStream) => void

/** One exchange that both proxies are put through, on a listener, a cluster and an upstream port of its own. */
export interface Http2Case {
  readonly name: string
  /** What the client does once it is connected; when it is done, the connection is probed. */
  readonly run: (client: CaseClient) => Promise<void> | void
  /** The client does not end as a sound one: nothing is asked on its connection afterwards. */
  readonly noProbe?: true
  /** The client's settings. */
  readonly settings?: readonly (readonly [id: number, value: number])[]
  /** Speaks HTTP/1.1 to the upstream, which answers so. */
  readonly http1?: readonly Answer[] | true
  /** Speaks HTTP/2 to the upstream: what it answers to the first request, to the second, and so on; the last one goes for all that follow. */
  readonly http2?: readonly Http2Answer[] | true
  /** The upstream's settings. */
  readonly upstreamSettings?: readonly (readonly [id: number, value: number])[]
  /** The upstream answers when the request's head is here; by default at its end. */
  readonly answerAtHead?: true
  readonly routes?: readonly JsonObject[]
  readonly manager?: JsonObject
  readonly cluster?: JsonObject
  /** Fields of the `Http2ProtocolOptions` of the manager. */
  readonly http2Options?: JsonObject
  /** What the client, or the upstream, sends is an attack or broken: Weft may refuse what Envoy takes, never the other way round. */
  readonly hostile?: 'client' | 'upstream'
}

/** The request that asks whether a connection is still served. */
export const probeFields: readonly RawField[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/probe'],
  [':authority', 'probe.test'],
]

/** A request's fields; `changes` replace those of the same name, or are added. */
export function requestFields(method = 'GET', path = '/', more: readonly RawField[] = []): RawField[] {
  return [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'app.test'], ...more]
}

/** A request's fields with the pseudo-field of this name changed, or left out. */
export function withPseudo(name: string, value: string | undefined, more: readonly RawField[] = []): RawField[] {
  const fields: RawField[] = []
  for (const field of requestFields()) {
    if (field[0] !== name) fields.push(field)
    else if (value !== undefined) fields.push([name, value])
  }
  return [...fields, ...more]
}

/** The answer of an HTTP/2 upstream where a case says nothing. */
export const plainHttp2: Http2Answer = (peer, { id, heads }) => {
  const toHead = heads[0]?.some(([name, value]) => name === ':method' && value === 'HEAD') === true
  peer.headers(
    id,
    [
      [':status', '200'],
      ['content-length', '2'],
    ],
    { end: toHead },
  )
  if (!toHead) peer.data(id, 'ok', { end: true })
}

/** A case for each kind of upstream. */
export function toBoth(test: Omit<Http2Case, 'http1' | 'http2'>): Http2Case[] {
  return [
    { ...test, name: `${test.name} (to HTTP/1.1)`, http1: true },
    { ...test, name: `${test.name} (to HTTP/2)`, http2: true },
  ]
}
