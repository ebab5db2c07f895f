import type { SocketOwner, StreamSocket } from '../../../net/index.ts'
import type { ProbeTarget, SentCheck } from './probe.ts'

/** Who speaks on a {@link ProbeConnection}. */
export interface ProbeSpeaker {
  /** `fresh`: the connection was opened just now. */
  readonly onConnected: (fresh: boolean) => void
  readonly onUnreachable: () => void
  readonly onBytes: (bytes: Buffer) => void
  /** The host has nothing more to say; the connection is gone already. `unreached`: nothing of what was written had arrived there. */
  readonly onEnded: (unreached: boolean) => void
}

const nothingSent: SentCheck = { taken: 0, writes: 0, refused: false }

/** The connection over which a host is checked: one at a time, opened when there is none. */
export class ProbeConnection implements SocketOwner {
  readonly #target: ProbeTarget
  readonly #speaker: ProbeSpeaker
  #socket: StreamSocket | undefined = undefined
  #dialing: { readonly cancel: () => void } | undefined = undefined
  /** What the kernel has not taken yet; bounded by what a check sends. */
  #waiting: Buffer | undefined = undefined
  #sent: SentCheck = nothingSent

  constructor(target: ProbeTarget, speaker: ProbeSpeaker) {
    this.#target = target
    this.#speaker = speaker
  }

  /** Tells the speaker `onConnected`, at once on a connection that is kept, else when there is one. False: none can be opened now. */
  use(): boolean {
    this.#sent = nothingSent
    if (this.#socket !== undefined) {
      this.#speaker.onConnected(false)
      return true
    }
    this.#dialing = this.#target.dial(this, (socket) => {
      this.#dialing = undefined
      this.#socket = socket
      if (socket === undefined) this.#speaker.onUnreachable()
      else this.#speaker.onConnected(true)
    })
    return this.#dialing !== undefined
  }

  write(bytes: Uint8Array): void {
    if (this.#waiting !== undefined) this.#waiting = Buffer.concat([this.#waiting, bytes])
    else {
      const result = this.#socket?.write(bytes, 0, bytes.length) ?? bytes.length
      const taken = Math.max(result, 0)
      const { taken: before, writes, refused } = this.#sent
      this.#sent = { taken: before + taken, writes: writes + 1, refused: refused || (writes === 0 && result < 0) }
      if (taken < bytes.length) this.#waiting = Buffer.from(bytes.subarray(taken))
    }
  }

  /** Closes what is open or opening. */
  close(): void {
    const socket = this.#socket
    this.#dialing?.cancel()
    this.#dialing = undefined
    this.#socket = undefined
    this.#waiting = undefined
    socket?.terminate()
  }

  onData(socket: StreamSocket, bytes: Uint8Array): void {
    if (socket === this.#socket) this.#speaker.onBytes(bytes instanceof Buffer ? bytes : Buffer.from(bytes))
  }

  onDrain(socket: StreamSocket): void {
    const waiting = this.#waiting
    if (socket !== this.#socket || waiting === undefined) return
    this.#waiting = undefined
    this.write(waiting)
  }

  onEnd(socket: StreamSocket): void {
    this.#gone(socket)
    socket.terminate()
  }

  onClose(socket: StreamSocket): void {
    this.#gone(socket)
  }

  #gone(socket: StreamSocket): void {
    if (socket !== this.#socket) return
    const unreached = this.#target.provesUnreached(socket, this.#sent)
    this.#socket = undefined
    this.#waiting = undefined
    this.#speaker.onEnded(unreached)
  }
}
