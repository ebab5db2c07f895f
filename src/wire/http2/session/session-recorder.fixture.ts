import { FrameEvent, FrameReader } from '../frames/frame-reader.ts'
import { FrameWriter } from '../frames/frame-writer.ts'
import type { Role, Setting } from '../frames/setting.ts'
import { HpackDecoder } from '../hpack/decoder.ts'
import { HpackEncoder } from '../hpack/encoder.ts'
import type { FieldBlock } from '../hpack/field-block.ts'
import type { SessionOwner, StreamOwner } from './contract.ts'
import { Http2Session, type SessionOptions } from './session.ts'
import type { Http2Stream } from './stream.ts'

/** Fields as `name=value` pairs, for a line of a log. */
export function textOf(block: FieldBlock): string {
  return block.names.map((name, index) => `${name}=${block.values[index]}`).join(' ')
}

/** Owner of a session and of all its streams that writes down what it is told. */
export class Recorder implements SessionOwner, StreamOwner {
  readonly log: string[] = []
  readonly streams: Http2Stream[] = []
  /** Octets of the bodies, by stream. */
  readonly bodies = new Map<number, string>()
  readonly session: Http2Session
  /** Set while a session that consumes at once is wanted. */
  consumes = true
  time = 0
  /** Called before an event is written down. */
  before: ((event: string, stream: Http2Stream | undefined) => void) | undefined = undefined

  constructor(role: Role, options: Partial<SessionOptions> = {}) {
    this.session = new Http2Session(role, this, { now: () => this.time, ...options })
  }

  readonly onStream = (stream: Http2Stream): StreamOwner => {
    this.streams.push(stream)
    return this
  }
  /** Called when there is output. */
  output: (() => void) | undefined = undefined
  readonly onOutput = (): void => {
    told.add(this.session)
    this.output?.()
  }
  readonly onCapacity = (): void => this.before?.('capacity', undefined)
  readonly onGoaway = (lastStreamId: number, errorCode: number): void =>
    this.#note(`goaway ${lastStreamId} ${errorCode}`)
  readonly onFailure = (errorCode: number, counter: string): void => this.#note(`failure ${errorCode} ${counter}`)
  readonly onIdle = (): void => this.#note('idle')
  readonly onPong = (bytes: Buffer, start: number): void =>
    this.#note(`pong ${bytes.toString('latin1', start, start + 8)}`)
  readonly onHeaders = (stream: Http2Stream, block: FieldBlock, endStream: boolean): void =>
    this.#note(
      `${stream.id} head${block.tooLarge ? ' too-large' : ''} ${textOf(block)}${endStream ? ' end' : ''}`,
      stream,
    )
  readonly onTrailers = (stream: Http2Stream, block: FieldBlock): void =>
    this.#note(`${stream.id} trailers ${textOf(block)}`, stream)
  readonly onReset = (stream: Http2Stream, errorCode: number, byPeer: boolean): void =>
    this.#note(`${stream.id} reset ${errorCode}${byPeer ? ' by peer' : ''}`, stream)
  readonly onWritable = (stream: Http2Stream): void => this.#note(`${stream.id} writable`, stream)
  readonly onData = (stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void => {
    const text = bytes.toString('latin1', start, end)
    this.bodies.set(stream.id, (this.bodies.get(stream.id) ?? '') + text)
    // Pieces differ with the cuts of the transport: only the end is an event.
    if (endStream) this.#note(`${stream.id} body ${this.bodies.get(stream.id)?.length ?? 0} end`, stream)
    if (this.consumes) this.session.consume(stream, end - start)
  }

  /** The log so far, which begins anew. */
  take(): string[] {
    return this.log.splice(0)
  }

  /** Sends a head. */
  head(stream: Http2Stream, fields: readonly (readonly [string, string])[], endStream = false): void {
    const encoder = this.session.beginHead()
    for (const [name, value] of fields) encoder.field(name, value)
    this.session.endHead(stream, endStream)
  }

  /** Opens a stream with a request. */
  request(fields: readonly (readonly [string, string])[] = get, endStream = true): Http2Stream {
    const stream = this.session.open(this)
    this.head(stream, fields, endStream)
    return stream
  }

  #note(event: string, stream?: Http2Stream): void {
    this.before?.(event, stream)
    this.log.push(event)
  }
}

/** Fields of a plain request. */
export const get: readonly (readonly [string, string])[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a'],
  [':path', '/'],
]
/** Fields of a plain request with a body. */
export const post: readonly (readonly [string, string])[] = [[':method', 'POST'], ...get.slice(1)]

/** Sessions that have told of output that was not taken yet. */
const told = new WeakSet<Http2Session>()

/** Takes what a session has to send. */
export function takeOutput(session: Http2Session): Buffer {
  if (session.outputLength > 0 && !told.has(session)) throw new Error('There is output that the owner was not told of')
  told.delete(session)
  const bytes = Buffer.from(session.output.subarray(0, session.outputLength))
  session.clearOutput()
  return bytes
}

/** Carries octets between two sessions until both are silent. */
export function exchange(left: Http2Session, right: Http2Session): void {
  while (left.outputLength > 0 || right.outputLength > 0) {
    const toRight = takeOutput(left)
    right.receive(toRight, 0, toRight.length)
    const toLeft = takeOutput(right)
    left.receive(toLeft, 0, toLeft.length)
  }
}

/** A client and a server, wired back to back, past their settings. */
export function pair(options: { client?: Partial<SessionOptions>; server?: Partial<SessionOptions> } = {}): {
  client: Recorder
  server: Recorder
  exchange: () => void
} {
  const client = new Recorder('client', options.client)
  const server = new Recorder('server', options.server)
  client.session.start()
  server.session.start()
  exchange(client.session, server.session)
  return { client, server, exchange: () => exchange(client.session, server.session) }
}

/** A peer that sends whatever frames a test wants, and reads what the session answers. */
export class RawPeer {
  readonly frames = new FrameWriter()
  readonly encoder = new HpackEncoder()
  readonly recorder: Recorder
  readonly #reader: FrameReader
  readonly #decoder = new HpackDecoder()

  /** @param role Of the session under test, which has been greeted, and whose greeting has been read. */
  constructor(role: Role, { settings = [], acknowledge = true, ...options }: RawPeerOptions = {}) {
    this.recorder = new Recorder(role, options)
    this.recorder.session.start()
    this.#reader = new FrameReader(role === 'server' ? 'client' : 'server')
    if (role === 'server') this.frames.preface()
    this.frames.settings(settings)
    if (acknowledge) this.frames.settingsAck()
    this.send()
    this.answers()
  }

  get session(): Http2Session {
    return this.recorder.session
  }

  /** Gives the session all frames that were written, at once. */
  send(): void {
    const bytes = Buffer.from(this.frames.bytes.subarray(0, this.frames.length))
    this.frames.reset()
    this.session.receive(bytes, 0, bytes.length)
  }

  /** A field block. */
  block(fields: readonly (readonly [string, string])[]): Buffer {
    this.encoder.begin()
    for (const [name, value] of fields) this.encoder.field(name, value)
    return Buffer.from(this.encoder.bytes.subarray(0, this.encoder.length))
  }

  /** Writes HEADERS. */
  headers(id: number, fields: readonly (readonly [string, string])[] = get, endStream = true): this {
    this.frames.headers(id, this.block(fields), { endStream })
    return this
  }

  /** Writes DATA. */
  data(id: number, text: string, endStream = false): this {
    this.frames.data(id, Buffer.from(text, 'latin1'), { endStream })
    return this
  }

  /** Sends any frame. */
  raw(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): this {
    this.send()
    const header = Buffer.alloc(9)
    header.writeUIntBE(payload.length, 0, 3)
    header[3] = type
    header[4] = flags
    header.writeUInt32BE(id, 5)
    this.session.receive(Buffer.concat([header, payload]), 0, 9 + payload.length)
    return this
  }

  /** Sends what was written, and reads what came back, one line for each frame. */
  answers(): string[] {
    this.send()
    const bytes = takeOutput(this.session)
    const lines: string[] = []
    let position = 0
    for (;;) {
      const event = this.#reader.next(bytes, position)
      position = this.#reader.position
      if (event === FrameEvent.more) return lines
      lines.push(this.#line(event))
      if (event === FrameEvent.connectionError) return lines
    }
  }

  #line(event: FrameEvent): string {
    const { streamId, errorCode, increment, lastStreamId, dataStart, dataEnd, endStream, bytes } = this.#reader
    const end = endStream ? ' end' : ''
    switch (event) {
      case FrameEvent.data:
        return `${streamId} data ${dataEnd - dataStart}${end}`
      case FrameEvent.headers: {
        const block = this.#decoder.decode(bytes, dataStart, dataEnd)
        return `${streamId} headers ${typeof block === 'string' ? block : textOf(block)}${end}`
      }
      case FrameEvent.rstStream:
        return `${streamId} rst ${errorCode}`
      case FrameEvent.windowUpdate:
        return `${streamId} window ${increment}`
      case FrameEvent.goaway:
        return `goaway ${lastStreamId} ${errorCode}`
      default:
        return Object.entries(FrameEvent).find(([, value]) => value === event)?.[0] ?? String(event)
    }
  }
}

/** What a raw peer is made with. */
export interface RawPeerOptions extends Partial<SessionOptions> {
  /** The peer's first settings. */
  readonly settings?: readonly Setting[]
  /** Acknowledges the session's settings at once; default true. */
  readonly acknowledge?: boolean
}
