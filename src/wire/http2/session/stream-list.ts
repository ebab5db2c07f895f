import type { Http2Stream } from './stream.ts'

/** A queue of streams, linked through them: nothing is allocated, and any of them leaves at once. A stream is in one list at most. */
export class StreamList {
  first: Http2Stream | undefined = undefined
  #last: Http2Stream | undefined = undefined

  /** Puts a stream last; one that is in a list already stays where it is. */
  push(stream: Http2Stream): void {
    if (stream.list !== undefined) return
    stream.list = this
    stream.previous = this.#last
    if (this.#last === undefined) this.first = stream
    else this.#last.next = stream
    this.#last = stream
  }

  /** Takes the first. */
  shift(): Http2Stream | undefined {
    const { first } = this
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Takes out a stream of this list. */
  remove(stream: Http2Stream): void {
    if (stream.list !== this) return
    const { previous, next } = stream
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    stream.list = undefined
    stream.previous = undefined
    stream.next = undefined
  }
}
