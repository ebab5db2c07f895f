import { dlopen, FFIType, ptr, read, type Pointer } from 'bun:ffi'

import { NetLimits } from './limits.ts'

/** Why {@link SplicePipe.move} stopped. */
export type SpliceEnd =
  /** It moved as much as it was allowed to; there may be more. */
  | 'more'
  /** The source has nothing now. */
  | 'empty'
  /** The sink takes no more now; `leftover` is what was taken out of the source and not put into the sink. */
  | 'full'
  /** The source has sent its end: nobody has been told. */
  | 'ended'
  /** The connection was reset: nobody has been told, for the kernel says it once. */
  | 'source-reset'
  | 'sink-reset'

/**
 * Moves bytes from one plain TCP socket to another inside the kernel (Linux `splice`), which copies nothing. The pipe between is empty
 * whenever `move` is not running, so one serves all connections of a process.
 */
export interface SplicePipe {
  /** Moves at most about `limit` bytes and never waits. Both file descriptors must be of plain TCP sockets that do not block. */
  readonly move: (source: number, sink: number, limit: number) => SpliceEnd
  /** What the last `move` took out of the source. */
  readonly moved: number
  /** What the last `move` took and could not put into the sink, a buffer of its own; undefined when nothing. */
  readonly leftover: Uint8Array | undefined
}

const MOVE_NONBLOCK = 1 | 2
const PIPE_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000
const F_SETPIPE_SZ = 1031
const IPPROTO_TCP = 6
const TCP_INFO = 11
const TCP_CLOSE = 7
const EAGAIN = 11

/** What the pipe calls of the C library. */
export type SpliceLibc = ReturnType<typeof openSpliceLibc>

/** Opens the pipe; undefined where the system has no `splice` (not Linux, another libc). */
export function createSplicePipe(open: () => SpliceLibc = openSpliceLibc): SplicePipe | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return new KernelPipe(open())
  } catch {
    // Bytes are copied instead, as everywhere else.
    return undefined
  }
}

/** Opens the C library; throws where it is another one. */
export function openSpliceLibc() {
  const { i32, ptr: pointer, i64_fast: long } = FFIType
  return dlopen('libc.so.6', {
    splice: { args: [i32, pointer, i32, pointer, long, i32], returns: long },
    pipe2: { args: [pointer, i32], returns: i32 },
    fcntl: { args: [i32, i32, i32], returns: i32 },
    read: { args: [i32, pointer, long], returns: long },
    close: { args: [i32], returns: i32 },
    getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
    __errno_location: { args: [], returns: pointer },
  }).symbols
}

class KernelPipe implements SplicePipe {
  moved = 0
  leftover: Uint8Array | undefined = undefined
  readonly #libc: SpliceLibc
  readonly #ends = new Int32Array(2)
  readonly #info = new Uint8Array(8)
  readonly #infoLength = new Uint32Array(1)
  readonly #errno: Pointer | null

  constructor(libc: SpliceLibc) {
    this.#libc = libc
    const place = libc.__errno_location()
    this.#errno = typeof place === 'number' ? place : null
    if (!this.#open()) throw new Error('No pipe')
  }

  move(source: number, sink: number, limit: number): SpliceEnd {
    this.moved = 0
    this.leftover = undefined
    const [readEnd = -1, writeEnd = -1] = this.#ends
    while (this.moved < limit) {
      let taken = this.#take(source, writeEnd)
      if (taken < 0) {
        const wasEmpty = this.#errno !== null && read.i32(this.#errno) === EAGAIN
        if (!this.#isClosed(source)) return 'empty'
        if (!wasEmpty) return 'source-reset'
        // It was open when it was empty: bytes and the end came in between. A connection that ended in both directions is closed too.
        taken = this.#take(source, writeEnd)
        if (taken < 0) return 'source-reset'
      }
      if (taken === 0) return 'ended'
      this.moved += taken
      let left = taken
      while (left > 0) {
        const put = Number(this.#libc.splice(readEnd, null, sink, null, left, MOVE_NONBLOCK))
        if (put <= 0) break
        left -= put
      }
      if (left > 0) {
        this.leftover = this.#takeOut(left)
        return this.leftover === undefined || this.#isClosed(sink) ? 'sink-reset' : 'full'
      }
    }
    return 'more'
  }

  /** Empties the pipe: what stayed in it would come out at another connection. */
  #takeOut(left: number): Uint8Array | undefined {
    const bytes = new Uint8Array(left)
    const [readEnd = -1] = this.#ends
    for (let filled = 0; filled < left;) {
      const count = Number(this.#libc.read(readEnd, ptr(bytes, filled), left - filled))
      if (count <= 0) {
        // Bytes are lost, so the connection has to end; the next one gets another pipe.
        this.#reopen()
        return undefined
      }
      filled += count
    }
    return bytes
  }

  #take(source: number, writeEnd: number): number {
    return Number(this.#libc.splice(source, null, writeEnd, null, NetLimits.splicePipeBytes, MOVE_NONBLOCK))
  }

  /** Reset, or ended in both directions. By its state: errno alone may be of one of the runtime's own calls. */
  #isClosed(socket: number): boolean {
    this.#infoLength[0] = this.#info.length
    if (this.#libc.getsockopt(socket, IPPROTO_TCP, TCP_INFO, ptr(this.#info), ptr(this.#infoLength)) !== 0) return true
    return this.#info[0] === TCP_CLOSE
  }

  #reopen(): void {
    for (const end of this.#ends) this.#libc.close(end)
    // Without a new one nothing is moved: sources look empty, and their bytes are copied.
    if (!this.#open()) this.#ends.fill(-1)
  }

  #open(): boolean {
    if (this.#libc.pipe2(ptr(this.#ends), PIPE_CLOEXEC_NONBLOCK) !== 0) return false
    // Without the right to a pipe of this size it stays as it is, and more calls move as much.
    this.#libc.fcntl(this.#ends[1] ?? -1, F_SETPIPE_SZ, NetLimits.splicePipeBytes)
    return true
  }
}
