import { createServer, type AddressInfo, type Server } from 'node:net'

import { FramePeer } from '../../harness/frame-peer.ts'
import { type Http2Answer, type Http2Case, plainHttp2 } from './case.ts'

/** An upstream that speaks HTTP/2, keeps every head it gets, and answers as it is told. */
export class FrameUpstream {
  readonly peers: FramePeer[] = []
  readonly #server: Server
  readonly #answers: readonly Http2Answer[]
  #requests = 0
  onChange: () => void = () => {}

  constructor(test: Pick<Http2Case, 'http2' | 'upstreamSettings' | 'answerAtHead'>) {
    this.#answers = Array.isArray(test.http2) ? test.http2 : [plainHttp2]
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new FramePeer(socket, true)
      this.peers.push(peer)
      socket.on('end', () => socket.end())
      peer.onChange = () => this.onChange()
      const answered = new Set<number>()
      peer.onStream = (stream, whole) => {
        if (answered.has(stream.id) || (!whole && test.answerAtHead !== true)) return
        answered.add(stream.id)
        const answer = this.#answers[Math.min(this.#requests, this.#answers.length - 1)]
        this.#requests += 1
        answer?.(peer, stream)
      }
      peer.start(test.upstreamSettings)
    })
  }

  /** Listens on a port of 127.0.0.1 and returns it. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
    for (const { socket } of this.peers) socket.destroy()
  }
}
