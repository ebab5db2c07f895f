/** One end of an HTTP/2 connection that sends whatever it is told, sound or not, and keeps what the other end sends. */
import type { Socket } from 'node:net'

import { connectionPreface, type FieldBlock, HpackDecoder, HpackEncoder, Indexing } from '../../src/wire/http2/index.ts'

/** A field of a head, in the order of the wire. */
export type RawField = readonly [name: string, value: string]

/** A stream as the other end has filled it. */
export interface SeenStream {
  readonly id: number
  /** Heads of a request (one), or of responses (first perhaps `1xx`). */
  readonly heads: RawField[][]
  trailers: RawField[] | undefined
  body: string
  /** Octets of the body, also where `keepBodies` is off. */
  octets: number
  /** Names that were never to be indexed. */
  readonly never: string[]
  /** `END_STREAM`, or the code of RST_STREAM; undefined while it is open. */
  end: 'end' | number | undefined
}

/** What a frame carries besides its content. */
export interface FrameOptions {
  readonly end?: boolean
  /** Octets of padding. */
  readonly pad?: number
  /** Priority fields: dependency and weight. */
  readonly priority?: readonly [dependency: number, weight: number]
  /** The block is cut into so many frames. */
  readonly pieces?: number
  readonly exclusive?: boolean
  /** Fields are marked as never to be indexed. */
  readonly never?: boolean
}

/** Types of frames (RFC 9113 section 6). */
export const FrameKind = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

const roomy = {
  sectionBytes: 1 << 22,
  decodedBytes: 1 << 23,
  fieldCount: 10_000,
  nameBytes: 1 << 20,
  valueBytes: 1 << 20,
}

/** Payload of our largest frames. */
const frameBytes = 16_384

const filler = Buffer.alloc(frameBytes, 'x')

/** A frame with this payload. */
function rawFrame(kind: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = kind
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** Four octets of a number. */
export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value >>> 0)
  return octets
}

/** See the module's comment. It answers SETTINGS, PING and DATA as a sound peer does, unless told otherwise. */
export class FramePeer {
  readonly socket: Socket
  readonly streams = new Map<number, SeenStream>()
  readonly server: boolean
  /** Settings that the other end sent, by their number. */
  readonly settings = new Map<number, number>()
  goaways: { readonly lastId: number; readonly code: number }[] = []
  pings = 0
  pongs = 0
  settingsAcks = 0
  closed = false
  /** Whether DATA is answered by WINDOW_UPDATE. */
  opensWindows = true
  answersPings = true
  acknowledgesSettings = true
  /** Bodies are kept as text; otherwise only counted. */
  keepBodies = true
  /** What the other end lets us send: on the connection, at first on a stream, and on each stream. */
  window = 65_535
  firstWindow = 65_535
  readonly windows = new Map<number, number>()
  onChange: () => void = () => {}
  /** A server: a head or the end of a request is here. */
  onStream: (stream: SeenStream, whole: boolean) => void = () => {}
  #gathering = false
  readonly #encoder = new HpackEncoder()
  readonly #decoder = new HpackDecoder(roomy)
  #received: Buffer = Buffer.alloc(0)
  #prefaceDue: boolean
  #block: { readonly id: number; readonly end: boolean; readonly parts: Buffer[] } | undefined

  constructor(socket: Socket, server: boolean) {
    this.socket = socket
    this.server = server
    this.#prefaceDue = server
    socket.setNoDelay(true)
    socket.on('data', (part: Buffer) => this.#read(part))
    socket.on('drain', () => this.onChange())
    const ended = (): void => {
      this.closed = true
      this.onChange()
    }
    socket.on('end', ended)
    socket.on('error', ended)
    socket.on('close', ended)
  }

  /** Puts the preface and SETTINGS on the wire. */
  start(settings: readonly (readonly [id: number, value: number])[] = []): void {
    if (!this.server) this.send(Buffer.from(connectionPreface))
    this.sendSettings(settings)
  }

  /** What is sent in one turn of the event loop leaves in one write. */
  send(bytes: Uint8Array): boolean {
    if (this.closed) return true
    if (!this.#gathering) {
      this.#gathering = true
      this.socket.cork()
      setImmediate(() => {
        this.#gathering = false
        this.socket.uncork()
      })
    }
    return this.socket.write(bytes)
  }

  frame(kind: number, flags: number, id: number, payload?: Uint8Array): void {
    this.send(rawFrame(kind, flags, id, payload))
  }

  sendSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    const payload = Buffer.alloc(settings.length * 6)
    settings.forEach(([id, value], index) => {
      payload.writeUInt16BE(id, index * 6)
      payload.writeUInt32BE(value, index * 6 + 2)
    })
    this.frame(FrameKind.settings, 0, 0, payload)
  }

  /** The block of these fields; nothing is put in the table. */
  encode(fields: readonly RawField[], never = false): Buffer {
    this.#encoder.begin()
    for (const [name, value] of fields) this.#encoder.field(name, value, never ? Indexing.never : Indexing.without)
    return Buffer.from(this.#encoder.bytes.subarray(0, this.#encoder.length))
  }

  headers(id: number, fields: readonly RawField[], options: FrameOptions = {}): void {
    this.block(id, this.encode(fields, options.never), options)
  }

  /** HEADERS with this block, and CONTINUATION when it is to be cut or is long. */
  block(id: number, block: Buffer, options: FrameOptions = {}): void {
    const { end = false, pad = 0, priority, pieces = Math.max(1, Math.ceil(block.length / 16_000)) } = options
    const size = Math.ceil(block.length / pieces)
    const parts = Array.from({ length: pieces }, (_, index) => block.subarray(index * size, (index + 1) * size))
    const dependency =
      priority === undefined
        ? []
        : [uint32(priority[0] + (options.exclusive === true ? 2 ** 31 : 0)), Buffer.from([priority[1]])]
    const first = Buffer.concat([
      ...(pad > 0 ? [Buffer.from([pad])] : []),
      ...dependency,
      parts[0] ?? block,
      Buffer.alloc(pad),
    ])
    const flags = (end ? 1 : 0) | (pieces === 1 ? 4 : 0) | (pad > 0 ? 8 : 0) | (priority === undefined ? 0 : 0x20)
    const frames = [rawFrame(FrameKind.headers, flags, id, first)]
    parts.slice(1).forEach((part, index) => {
      frames.push(rawFrame(FrameKind.continuation, index === pieces - 2 ? 4 : 0, id, part))
    })
    this.send(Buffer.concat(frames))
  }

  /** DATA, in as many frames as it takes. */
  data(id: number, text: string | Uint8Array, { end = false, pad = 0 }: FrameOptions = {}): boolean {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    if (bytes.length > frameBytes) {
      this.data(id, bytes.subarray(0, frameBytes), { pad })
      return this.data(id, bytes.subarray(frameBytes), { end, pad })
    }
    const payload = pad > 0 ? Buffer.concat([Buffer.from([pad]), bytes, Buffer.alloc(pad)]) : bytes
    return this.send(rawFrame(FrameKind.data, (end ? 1 : 0) | (pad > 0 ? 8 : 0), id, payload))
  }

  /** Sends as much of a body as windows and the socket take, `left` octets at most, and the end behind the last; returns what is left. */
  pour(id: number, left: number): number {
    let rest = left
    while (rest > 0 && !this.socket.writableNeedDrain) {
      const window = this.windows.get(id) ?? this.firstWindow
      const length = Math.min(rest, frameBytes, window, this.window)
      if (length <= 0) break
      rest -= length
      this.window -= length
      this.windows.set(id, window - length)
      this.data(id, filler.subarray(0, length), { end: rest === 0 })
    }
    return rest
  }

  reset(id: number, code: number): void {
    this.frame(FrameKind.reset, 0, id, uint32(code))
  }

  goaway(lastId: number, code = 0): void {
    this.frame(FrameKind.goaway, 0, 0, Buffer.concat([uint32(lastId), uint32(code)]))
  }

  windowUpdate(id: number, increment: number): void {
    this.frame(FrameKind.windowUpdate, 0, id, uint32(increment))
  }

  ping(payload: Uint8Array = Buffer.alloc(8)): void {
    this.frame(FrameKind.ping, 0, 0, payload)
  }

  priority(id: number, dependency: number, weight = 16): void {
    this.frame(FrameKind.priority, 0, id, Buffer.concat([uint32(dependency), Buffer.from([weight])]))
  }

  stream(id: number): SeenStream {
    const known = this.streams.get(id)
    if (known !== undefined) return known
    const made: SeenStream = { id, heads: [], trailers: undefined, body: '', octets: 0, never: [], end: undefined }
    this.streams.set(id, made)
    return made
  }

  #read(part: Buffer): void {
    this.#received = this.#received.length === 0 ? part : Buffer.concat([this.#received, part])
    if (this.#prefaceDue) {
      if (this.#received.length < connectionPreface.length) return
      this.#prefaceDue = false
      this.#received = this.#received.subarray(connectionPreface.length)
    }
    let at = 0
    while (this.#received.length - at >= 9) {
      const length = this.#received.readUIntBE(at, 3)
      if (this.#received.length - at < 9 + length) break
      const id = this.#received.readUInt32BE(at + 5) & 0x7fff_ffff
      const payload = this.#received.subarray(at + 9, at + 9 + length)
      this.#frame(this.#received[at + 3] ?? 0, this.#received[at + 4] ?? 0, id, payload)
      at += 9 + length
    }
    this.#received = this.#received.subarray(at)
    this.onChange()
  }

  #frame(kind: number, flags: number, id: number, payload: Buffer): void {
    switch (kind) {
      case FrameKind.data:
        this.#data(this.stream(id), payload, (flags & 1) !== 0)
        break
      case FrameKind.headers:
        this.#block = { id, end: (flags & 1) !== 0, parts: [Buffer.from(payload)] }
        if ((flags & 4) !== 0) this.#head()
        break
      case FrameKind.continuation:
        this.#block?.parts.push(Buffer.from(payload))
        if ((flags & 4) !== 0) this.#head()
        break
      case FrameKind.reset:
        this.stream(id).end = payload.readUInt32BE(0)
        break
      case FrameKind.settings:
        this.#settings(payload, (flags & 1) !== 0)
        break
      case FrameKind.ping:
        if ((flags & 1) !== 0) this.pongs += 1
        else {
          this.pings += 1
          if (this.answersPings) this.frame(FrameKind.ping, 1, 0, payload)
        }
        break
      case FrameKind.windowUpdate:
        if (id === 0) this.window += payload.readUInt32BE(0)
        else this.windows.set(id, (this.windows.get(id) ?? this.firstWindow) + payload.readUInt32BE(0))
        break
      case FrameKind.goaway:
        this.goaways.push({ lastId: payload.readUInt32BE(0), code: payload.readUInt32BE(4) })
        break
      default:
    }
  }

  #settings(payload: Buffer, ack: boolean): void {
    if (ack) {
      this.settingsAcks += 1
      return
    }
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      this.settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
      if (payload.readUInt16BE(at) === 4) this.firstWindow = payload.readUInt32BE(at + 2)
    }
    if (this.acknowledgesSettings) this.frame(FrameKind.settings, 1, 0)
  }

  #data(stream: SeenStream, payload: Buffer, end: boolean): void {
    stream.octets += payload.length
    if (this.keepBodies) stream.body += payload.toString('latin1')
    if (end) stream.end = 'end'
    if (this.opensWindows && payload.length > 0) {
      this.windowUpdate(0, payload.length)
      if (!end) this.windowUpdate(stream.id, payload.length)
    }
    if (end) this.onStream(stream, true)
  }

  #head(): void {
    const { id, end, parts } = this.#block ?? { id: 0, end: false, parts: [] }
    this.#block = undefined
    const bytes = Buffer.concat(parts)
    const block: FieldBlock | string = this.#decoder.decode(bytes, 0, bytes.length)
    if (typeof block === 'string') throw new Error(`The proxy sent a block that cannot be decoded: ${block}`)
    const fields = block.names.map((name, index): RawField => [name, block.values[index] ?? ''])
    const stream = this.stream(id)
    stream.never.push(...block.sensitive.map((index) => block.names[index] ?? ''))
    const last = stream.heads.at(-1)
    const interim = last?.some(([name, value]) => name === ':status' && value.startsWith('1')) === true
    const isTrailer = last !== undefined && !interim
    if (isTrailer) stream.trailers = fields
    else stream.heads.push(fields)
    if (end) stream.end = 'end'
    if (!isTrailer && !end) this.onStream(stream, false)
    if (end) this.onStream(stream, true)
  }
}
