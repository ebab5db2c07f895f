import type { StreamSocket } from '../../net/index.ts'

/**
 * What leaves by one socket. The kernel takes what it can; the rest waits here, in order, until `flush`. Whoever feeds it must
 * pause its source when `write` answers false.
 */
export class SocketOutput {
  socket: StreamSocket | undefined = undefined
  /** Octets that the socket has taken since it was attached, in how many writes, and whether it refused the first. */
  taken = 0
  writes = 0
  refused = false
  #waiting: Buffer | undefined = undefined
  #start = 0
  #end = 0

  /** Octets that the kernel has not taken yet. */
  get waiting(): number {
    return this.#end - this.#start
  }

  /** Speaks to another socket; what waited is dropped. */
  attach(socket: StreamSocket | undefined): void {
    this.socket = socket
    this.taken = 0
    this.writes = 0
    this.refused = false
    this.#waiting = undefined
    this.#start = 0
    this.#end = 0
  }

  /** Sends `bytes[start..end)`; false when some of it waits. The bytes may be reused after the call. */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    const { socket } = this
    if (socket === undefined) return true
    let taken = 0
    if (this.#end === this.#start) {
      taken = this.#send(socket, bytes, start, end - start)
      if (taken === end - start) return true
    }
    this.#keep(bytes, start + taken, end)
    return false
  }

  /** Sends what waits; true when nothing waits any more. */
  flush(): boolean {
    const { socket } = this
    const waiting = this.#waiting
    if (waiting === undefined || socket === undefined) return true
    this.#start += this.#send(socket, waiting, this.#start, this.#end - this.#start)
    if (this.#start < this.#end) return false
    this.#waiting = undefined
    this.#start = 0
    this.#end = 0
    return true
  }

  #send(socket: StreamSocket, bytes: Uint8Array, start: number, length: number): number {
    const result = socket.write(bytes, start, length)
    if (result < 0 && this.writes === 0) this.refused = true
    const taken = Math.max(result, 0)
    this.taken += taken
    this.writes += 1
    return taken
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const more = end - start
    const held = this.#end - this.#start
    let waiting = this.#waiting
    if (waiting === undefined || this.#end + more > waiting.length) {
      const grown = Buffer.allocUnsafeSlow(held + more)
      if (waiting !== undefined) waiting.copy(grown, 0, this.#start, this.#end)
      waiting = grown
      this.#waiting = grown
      this.#start = 0
      this.#end = held
    }
    waiting.set(bytes.subarray(start, end), this.#end)
    this.#end += more
  }
}
