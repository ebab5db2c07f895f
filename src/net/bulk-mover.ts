import { NetLimits } from './limits.ts'
import { createSplicePipe, type SplicePipe } from './splice-pipe.ts'

/** One direction of a byte stream that has much to move. */
export interface BulkStream {
  /** Moves at most about `limit` bytes with the pipe and never waits; false when it has no more for now and leaves. Must not throw. */
  readonly moveBulk: (pipe: SplicePipe, limit: number) => boolean
}

/** Takes turns among the streams of a process that have much to move. */
export interface BulkMover {
  /** From the next turn on the stream is asked to move. False where the system cannot splice: it is to go on by itself. */
  readonly add: (stream: BulkStream) => boolean
}

/**
 * Streams in bulk are not waited for by events: as long as one has something, each turn of the event loop moves a part of it, and other
 * events get theirs in between. One that runs dry goes back to events. The pipe is opened with the first stream.
 */
export function createBulkMover(openPipe: () => SplicePipe | undefined = createSplicePipe): BulkMover {
  return new TurnMover(openPipe)
}

class TurnMover implements BulkMover {
  readonly #openPipe: () => SplicePipe | undefined
  readonly #onTurn = (): void => this.#turn()
  #pipe: SplicePipe | undefined
  #opened = false
  #scheduled = false
  /** A set: a stream that is blocked and free again within one turn is added twice. */
  #streams = new Set<BulkStream>()
  #next = new Set<BulkStream>()

  constructor(openPipe: () => SplicePipe | undefined) {
    this.#openPipe = openPipe
  }

  add(stream: BulkStream): boolean {
    if (!this.#opened) {
      this.#opened = true
      this.#pipe = this.#openPipe()
    }
    if (this.#pipe === undefined) return false
    this.#streams.add(stream)
    this.#schedule()
    return true
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#onTurn)
  }

  #turn(): void {
    const pipe = this.#pipe
    const current = this.#streams
    this.#scheduled = false
    if (pipe === undefined) return
    this.#streams = this.#next
    this.#next = current
    const share = Math.max(NetLimits.bulkBytesLeast, Math.floor(NetLimits.bulkBytesPerTurn / current.size))
    let left: number = NetLimits.bulkBytesPerTurn
    const moved: BulkStream[] = []
    for (const stream of current) {
      left -= share
      // Those that got nothing are first in the next turn.
      if (left < 0) this.#streams.add(stream)
      else if (stream.moveBulk(pipe, share)) moved.push(stream)
    }
    for (const stream of moved) this.#streams.add(stream)
    current.clear()
    if (this.#streams.size > 0) this.#schedule()
  }
}
