import { ChunkedDecoder, ChunkEvent, type Head } from '../../wire/http1/index.ts'
import type { ProxyLimits } from '../limits.ts'
import type { Exchange } from './exchange.ts'

/** Reads the body of an HTTP/1.1 request out of its framing. Reusable: `begin` for each request. */
export class RequestBody {
  readonly #decoder: ChunkedDecoder
  #chunked = false
  #left = 0

  constructor(limits: ProxyLimits) {
    this.#decoder = new ChunkedDecoder({
      extensionBytes: limits.chunkExtensionBytes,
      trailerBytes: limits.trailerBytes,
    })
  }

  /** True when the request has no body. */
  begin(head: Head): boolean {
    this.#chunked = head.chunked
    this.#left = head.contentLength
    if (head.chunked) this.#decoder.reset()
    return !head.chunked && head.contentLength <= 0
  }

  /**
   * Delivers what `bytes[start..end)` holds of the body to the exchange, and tells it the end.
   *
   * @returns Where the body ends in the bytes, or `end`; the exchange may have been refused meanwhile (its `bodyDone` is false then).
   */
  read(exchange: Exchange, bytes: Uint8Array, start: number, end: number): number {
    if (this.#chunked) return this.#readChunks(exchange, bytes, start, end)
    const taken = Math.min(this.#left, end - start)
    this.#left -= taken
    exchange.deliver(bytes, start, start + taken)
    if (this.#left === 0) exchange.endBody(undefined)
    else exchange.flushBody()
    return start + taken
  }

  #readChunks(exchange: Exchange, bytes: Uint8Array, start: number, end: number): number {
    const decoder = this.#decoder
    let at = start
    while (at < end) {
      const event = decoder.next(bytes, at, end)
      at = decoder.position
      if (event === ChunkEvent.data) exchange.deliver(bytes, decoder.dataStart, decoder.dataEnd)
      else if (event === ChunkEvent.end) {
        exchange.endBody(decoder.trailers)
        return at
      } else if (event === ChunkEvent.fault) {
        exchange.refuse(400, 'http1.codec_error{malformed_chunk}', -1)
        return end
      }
    }
    exchange.flushBody()
    return at
  }
}
