import { connect } from 'node:net'

import { FramePeer, type RawField, type SeenStream } from '../../harness/frame-peer.ts'
import type { Reading } from '../http/messages.ts'
import type { RecordingUpstream } from '../http/recording-upstream.ts'
import { type Http2Case, probeFields } from './case.ts'
import type { FrameUpstream } from './frame-upstream.ts'

/** The upstream of a case. */
export type CaseUpstream = RecordingUpstream | FrameUpstream

/** What became of a case at one proxy. */
export interface Http2Outcome {
  readonly streams: readonly SeenStream[]
  /** `silent`: it does not answer where it should. */
  readonly connection: string
  readonly http1: readonly Reading[]
  readonly http2: readonly SeenStream[]
}

/** A wait that takes longer ends: the proxy is silent where it should have answered or closed. */
const patienceMs = 3000

/** The probe's stream: above those of every case. */
const probeId = 4001

/** The client of a case: a peer, and waits. */
export class CaseClient {
  readonly peer: FramePeer
  readonly upstream: CaseUpstream
  silent = false
  #check: () => void = () => {}

  constructor(peer: FramePeer, upstream: CaseUpstream) {
    this.peer = peer
    this.upstream = upstream
    peer.onChange = () => this.#check()
    upstream.onChange = () => this.#check()
  }

  /** A request on stream 1, and its end. */
  async ask(fields: readonly RawField[], body?: string): Promise<void> {
    this.peer.headers(1, fields, { end: body === undefined })
    if (body !== undefined) this.peer.data(1, body, { end: true })
    await this.ended(1)
  }

  /** The answer on a stream is over, in whatever way. */
  async ended(id: number): Promise<void> {
    await this.until(() => this.peer.streams.get(id)?.end !== undefined)
  }

  /** The proxy has sent a head on a stream. */
  async answered(id: number): Promise<void> {
    await this.until(() => (this.peer.streams.get(id)?.heads.length ?? 0) > 0)
  }

  /** The upstream has got this text: in its octets, or in heads and bodies. */
  async reached(text: string): Promise<void> {
    const { upstream } = this
    await this.until(() =>
      'peers' in upstream
        ? upstream.peers.some(({ streams }) => [...streams.values()].some((stream) => textOf(stream).includes(text)))
        : upstream.got(text),
    )
  }

  /** The proxy has closed the connection, or said GOAWAY. */
  async gone(): Promise<void> {
    await this.until(() => this.peer.goaways.length > 0)
  }

  async until(condition: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), patienceMs)
    this.#check = () => {
      if (this.peer.closed || condition()) resolve(true)
    }
    this.#check()
    if (!(await promise)) this.silent = true
    clearTimeout(timer)
    this.#check = () => {}
  }
}

function textOf({ heads, body, trailers = [] }: SeenStream): string {
  return [...heads.flat(), ...trailers].map(([name, value]) => `${name}: ${value}\n`).join('') + body
}

/** Takes a case through the proxy at `port`. */
export async function runCase(test: Http2Case, port: number, upstream: CaseUpstream): Promise<Http2Outcome> {
  const peer = new FramePeer(connect({ host: '127.0.0.1', port, allowHalfOpen: true }), false)
  const client = new CaseClient(peer, upstream)
  peer.start(test.settings)
  await test.run(client)
  if (test.noProbe !== true && !peer.closed) {
    peer.headers(probeId, probeFields, { end: true })
    await client.until(() => peer.streams.get(probeId)?.end !== undefined || peer.goaways.length > 0)
  }
  const kept = peer.streams.get(probeId)?.end === 'end'
  const goaway = peer.goaways.at(-1)
  const connection = client.silent
    ? 'silent'
    : goaway !== undefined
      ? `goaway ${goaway.code}`
      : kept
        ? 'kept'
        : peer.closed
          ? 'closed'
          : 'not probed'
  upstream.onChange = () => {}
  peer.socket.destroy()
  const streams = [...peer.streams.values()].filter(
    ({ id, heads, end }) => id !== probeId && (heads.length > 0 || end !== undefined),
  )
  if ('peers' in upstream) {
    return {
      streams,
      connection,
      http1: [],
      http2: upstream.peers.flatMap((seen) => [...seen.streams.values()].filter(({ heads }) => heads.length > 0)),
    }
  }
  return { streams, connection, http1: upstream.readings(), http2: [] }
}
