import {
  FrameEvent,
  FrameReader,
  FrameWriter,
  HpackDecoder,
  HpackEncoder,
  SettingId,
} from '../../../wire/http2/index.ts'
import { CheckLimits } from './limits.ts'
import { ProbeConnection, type ProbeSpeaker } from './probe-connection.ts'
import type { ProbeTarget } from './probe.ts'

/** One request over HTTP/2; pseudo-fields first, then fields, names in lower case. */
export interface Http2Request {
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** At most 16,384 bytes: one DATA frame, inside of every first window. */
  readonly body: Uint8Array
  /** How much of the answer's body is kept. */
  readonly keptBytes: number
}

/** A whole answer; trailers stand among the fields. */
export interface Http2Response {
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** How a request ended: an answer, or none. */
export type Http2Result = Http2Response | 'unreachable' | 'not-ready'

const noBytes = Buffer.alloc(0)

/**
 * Just enough of an HTTP/2 client for checks: one request at a time on one connection (RFC 9113), by prior knowledge or behind ALPN. Off the data
 * path.
 */
export class Http2Exchange implements ProbeSpeaker {
  readonly #target: ProbeTarget
  readonly #request: Http2Request
  readonly #done: (result: Http2Result) => void
  readonly #connection: ProbeConnection
  #reader = new FrameReader('client')
  #decoder = new HpackDecoder()
  #encoder = new HpackEncoder()
  #writer = new FrameWriter()
  #nextStream = 1
  #stream = 0
  #active = false
  #stale = false
  /** The host takes no further request on this connection. */
  #leaving = false
  #status = 0
  #fields = new Map<string, string>()
  #body: Buffer = noBytes

  constructor(target: ProbeTarget, request: Http2Request, done: (result: Http2Result) => void) {
    this.#target = target
    this.#request = request
    this.#done = done
    this.#connection = new ProbeConnection(target, this)
  }

  start(): void {
    this.#active = true
    if (!this.#connection.use()) this.#finish('not-ready')
  }

  /** Ends the request that is on its way, and the connection. */
  abort(): void {
    this.#active = false
    this.#connection.close()
  }

  onConnected(fresh: boolean): void {
    this.#stale = !fresh
    this.#status = 0
    this.#fields = new Map()
    this.#body = noBytes
    if (fresh) this.#begin()
    else this.#writer.reset()
    this.#stream = this.#nextStream
    this.#nextStream += 2
    const { fields, body } = this.#request
    this.#encoder.begin()
    for (const [name, value] of fields) this.#encoder.field(name, value)
    const { bytes, length } = this.#encoder
    this.#writer.headers(this.#stream, bytes, { end: length, endStream: body.length === 0 })
    if (body.length > 0) this.#writer.data(this.#stream, body, { endStream: true })
    this.#flush()
  }

  onUnreachable(): void {
    this.#finish('unreachable')
  }

  onBytes(bytes: Buffer): void {
    this.#writer.reset()
    for (let at = 0; ; at = this.#reader.position) {
      const event = this.#reader.next(bytes, at)
      if (event === FrameEvent.more) break
      if (!this.#onFrame(event)) {
        this.#lose()
        return
      }
    }
    this.#flush()
    if (!this.#active && this.#leaving) this.#connection.close()
  }

  onEnded(unreached: boolean): void {
    if (!this.#active) return
    // The host may close an idle connection when it likes: that says nothing.
    if (this.#stale && unreached) this.start()
    else this.#finish('unreachable')
  }

  /** A new connection: preface, settings, empty tables. */
  #begin(): void {
    this.#reader = new FrameReader('client')
    this.#decoder = new HpackDecoder()
    this.#encoder = new HpackEncoder()
    this.#writer = new FrameWriter()
    this.#nextStream = 1
    this.#leaving = false
    this.#writer.preface()
    this.#writer.settings([{ id: SettingId.enablePush, value: 0 }])
  }

  /** False: the connection is of no use any more. */
  #onFrame(event: FrameEvent): boolean {
    const reader = this.#reader
    const mine = this.#active && reader.streamId === this.#stream
    switch (event) {
      case FrameEvent.settings:
        for (const { id, value } of reader.settings) {
          if (id === SettingId.headerTableSize) this.#encoder.setTableLimit(value)
          if (id === SettingId.maxFrameSize) this.#writer.maxFrameBytes = value
        }
        this.#writer.settingsAck()
        return true
      case FrameEvent.ping:
        this.#writer.pingAck(reader.bytes, reader.dataStart)
        return true
      case FrameEvent.headers:
        return this.#onHeaders(mine)
      case FrameEvent.data:
        return this.#onData(mine)
      case FrameEvent.rstStream:
        if (mine) this.#finish('unreachable')
        return true
      case FrameEvent.goaway:
        this.#leaving = true
        if (this.#active && reader.lastStreamId < this.#stream) this.#passOver()
        return true
      case FrameEvent.streamError:
      case FrameEvent.connectionError:
        return false
      default:
        return true
    }
  }

  #onHeaders(mine: boolean): boolean {
    const { bytes, dataStart, dataEnd, endStream } = this.#reader
    // Read in any case: the table depends on it.
    const block = this.#decoder.decode(bytes, dataStart, dataEnd)
    if (typeof block === 'string' || block.tooLarge) return false
    if (!mine) return true
    this.#stale = false
    block.names.forEach((name, index) => {
      const value = block.values[index] ?? ''
      if (name === ':status') this.#status = Number(value)
      else if (!this.#fields.has(name)) this.#fields.set(name, value)
    })
    if (this.#status < 200) {
      this.#fields.clear()
      return !endStream
    }
    if (endStream) this.#answer()
    return true
  }

  #onData(mine: boolean): boolean {
    const { bytes, dataStart, dataEnd, endStream, flowBytes, streamId } = this.#reader
    if (flowBytes > 0) {
      this.#writer.windowUpdate(0, flowBytes)
      if (mine && !endStream) this.#writer.windowUpdate(streamId, flowBytes)
    }
    if (!mine) return true
    // A body without a head (RFC 9113 section 8.1).
    if (this.#status < 200) return false
    const room = Math.min(this.#request.keptBytes, CheckLimits.bodyBytes) - this.#body.length
    const taken = Math.min(room, dataEnd - dataStart)
    if (taken > 0) this.#body = Buffer.concat([this.#body, bytes.subarray(dataStart, dataStart + taken)])
    if (endStream) this.#answer()
    return true
  }

  #answer(): void {
    const response: Http2Response = { status: this.#status, fields: this.#fields, body: this.#body }
    this.#flush()
    this.#active = false
    if (!this.#target.reuseConnection || this.#leaving) this.#connection.close()
    this.#done(response)
  }

  /** The host never looked at the request, and says so: on another connection it may. */
  #passOver(): void {
    const wasIdle = this.#stale
    this.#connection.close()
    this.#stream = 0
    if (wasIdle) this.start()
    else this.#finish('unreachable')
  }

  #lose(): void {
    this.#connection.close()
    if (this.#active) this.#finish('unreachable')
  }

  #finish(result: 'unreachable' | 'not-ready'): void {
    this.#active = false
    this.#connection.close()
    this.#done(result)
  }

  #flush(): void {
    const { bytes, length } = this.#writer
    if (length > 0) this.#connection.write(Buffer.from(bytes.subarray(0, length)))
    this.#writer.reset()
  }
}
