/** `weft proxy` as a process of its own, an upstream of raw HTTP/2 that does what the path asks for, and what both tell. */
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { FramePeer, SeenStream } from '../harness/frame-peer.ts'
import { waitUntil } from '../harness/wait-until.ts'
import { caseName } from '../differential/http/bootstrap.ts'
import { type RunningProxy, startWeft } from '../differential/http/proxies.ts'
import { toHttp2Bootstrap } from '../differential/http2/bootstrap.ts'
import type { Http2Case } from '../differential/http2/case.ts'
import { connectPeer, type RawUpstream, request, startUpstream } from './http2-plane.ts'

/** A running proxy, its upstream, and their state. */
export interface AttackRig extends AsyncDisposable {
  readonly proxy: RunningProxy
  readonly upstream: RawUpstream
  /** A connection to the proxy. */
  readonly connect: (settings?: readonly (readonly [id: number, value: number])[]) => FramePeer
  /** Ends all connections that were made. */
  readonly disconnect: () => void
  /** The value of a metric now, of all its series together. */
  readonly value: (name: string) => Promise<number>
  /** Resident memory of the proxy, octets. */
  readonly resident: () => number
  /** Streams that the upstream got for a path. */
  readonly arrived: (path: string) => SeenStream[]
}

/** Starts them; `http2` are fields of the manager's and the cluster's options. */
export async function startRig(test: Partial<Http2Case> = {}): Promise<AttackRig> {
  const upstream = await startUpstream(behave)
  const entry: Http2Case = { name: 'attacks', run: () => undefined, http2: true, ...test }
  const log = join(tmpdir(), `weft-attacks-${process.pid}.log`)
  const proxy = await startWeft((admin) => toHttp2Bootstrap([entry], { admin, upstreams: [upstream.port] }, log), 1)
  const peers: FramePeer[] = []
  const { host, port } = proxy.admin
  return {
    proxy,
    upstream,
    connect: (settings) => {
      const peer = connectPeer(proxy.port(caseName(0)))
      peers.push(peer)
      peer.keepBodies = false
      peer.start(settings)
      return peer
    },
    disconnect: () => {
      for (const { socket } of peers.splice(0)) socket.destroy()
    },
    value: async (name) => {
      const text = await (await fetch(`http://${host}:${port}/stats/prometheus`)).text()
      const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
    resident: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))?.[1]) * 1024,
    arrived: (path) =>
      upstream.peers.flatMap(({ streams }) => [...streams.values()].filter((stream) => pathOf(stream) === path)),
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of peers) socket.destroy()
      upstream[Symbol.dispose]()
      await proxy[Symbol.asyncDispose]()
      await Bun.file(log).delete()
    },
  }
}

function pathOf({ heads: [head = []] }: SeenStream): string {
  return head.find(([name]) => name === ':path')?.[1] ?? ''
}

/** `/hold` is never answered, `/big` with much, the others as they are called. */
function behave(peer: FramePeer): void {
  peer.keepBodies = false
  peer.onStream = (stream, whole) => {
    const { id } = stream
    if (!whole) return
    switch (pathOf(stream)) {
      case '/hold':
        break
      case '/big':
        peer.headers(id, [[':status', '200']])
        peer.data(id, Buffer.alloc(16_384))
        break
      case '/goaway-reset':
        peer.goaway(id)
        peer.reset(id, 0)
        break
      case '/goaway-zero':
        peer.goaway(id)
        peer.sendSettings([[3, 0]])
        peer.headers(id, [[':status', '200']], { end: true })
        break
      default:
        peer.headers(id, [
          [':status', '200'],
          ['content-length', '2'],
        ])
        peer.data(id, 'ok', { end: true })
    }
  }
}

/** A sound client on a connection of its own: asks again and again, and counts what is not answered by 200. */
export class Innocent {
  answered = 0
  failed = 0
  readonly #peer: FramePeer
  #id = 1
  #stopping = false

  constructor(peer: FramePeer) {
    this.#peer = peer
    peer.onChange = () => this.#look()
    this.#ask()
  }

  /** Resolves when it was answered once more. */
  async answers(): Promise<void> {
    const before = this.answered
    await waitUntil('the innocent client is answered', () => this.answered > before)
  }

  /** Asks no more. */
  async stop(): Promise<void> {
    this.#stopping = true
    await waitUntil('the innocent client has its last answer', () => this.#peer.streams.size === 0)
    this.#peer.socket.destroy()
  }

  #ask(): void {
    this.#peer.headers(this.#id, request('GET', '/innocent'), { end: true })
  }

  #look(): void {
    const stream = this.#peer.streams.get(this.#id)
    if (stream?.end === undefined && !this.#peer.closed) return
    const status = stream?.heads[0]?.find(([name]) => name === ':status')?.[1]
    if (status === '200' && stream?.end === 'end') this.answered += 1
    else this.failed += 1
    this.#peer.streams.delete(this.#id)
    this.#id += 2
    if (!this.#stopping && !this.#peer.closed) this.#ask()
  }
}
