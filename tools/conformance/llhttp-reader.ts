/** Reads streams of messages with `src/wire/http1`, as the data path does: heads, then bodies as their framing says. */
import {
  ChunkedDecoder,
  ChunkEvent,
  ConnectionOption,
  FieldTable,
  Head,
  requestFraming,
  responseFraming,
  scanFields,
  scanRequestHead,
  scanResponseHead,
  textOfHeadFault,
} from '../../src/wire/http1/index.ts'
import type { Outcome } from './llhttp-outcome.ts'

const table = new FieldTable()
const limits = { headBytes: 65_536, fieldCount: 100, fieldBytes: 16_384 }
const chunkLimits = { extensionBytes: 1024, trailerBytes: 4096 }

/** What the reader is told besides the octets. */
export interface ReaderOptions {
  readonly kind: 'request' | 'response'
  /** The responses answer HEAD. */
  readonly toHead: boolean
  /** The stream ends behind the last octet. */
  readonly ends: boolean
}

interface Open {
  begin: number
  startLine: string
  fields: string[]
  body: string
  trailers: string[]
  end: number | undefined
}

type State = 'head' | 'length' | 'chunked' | 'until-close' | 'tunnel' | 'closing' | 'refused'

/** Takes a stream in pieces. */
export class StreamReader {
  readonly #options: ReaderOptions
  readonly #head = new Head(table, limits)
  readonly #decoder = new ChunkedDecoder(chunkLimits)
  readonly #messages: Open[] = []
  #state: State = 'head'
  /** Octets of the head that is not complete yet. */
  #held = Buffer.alloc(0)
  /** Offset in the stream of the first octet that is not used up. */
  #offset = 0
  #left = 0
  #reason = ''
  #fault = 0
  #dataBehind = false

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** The fault of the head that was refused; 0 when none was. */
  get fault(): number {
    return this.#fault
  }

  /** Offset of the blank line of a head that is refused for what it lacks. */
  get blankLine(): number {
    return this.#offset + this.#head.cursor
  }

  /** Takes the next octets. */
  push(piece: Buffer): void {
    let rest = piece
    while (rest.length > 0) rest = this.#take(rest)
  }

  /** What was made of the octets so far. */
  outcome(): Outcome {
    return {
      messages: this.#messages.map((message) => ({ ...message })),
      state: this.#stateBehind(),
      reason: this.#reason,
    }
  }

  #stateBehind(): string {
    switch (this.#state) {
      case 'refused':
      case 'tunnel':
        return this.#state
      case 'closing':
        return this.#dataBehind ? 'data behind the last message' : this.#options.ends ? 'finish=0' : 'more'
      case 'until-close':
        return this.#options.ends ? 'finish=1' : 'more'
      default:
        if (!this.#options.ends) return 'more'
        return this.#state === 'head' && this.#held.length === 0 ? 'finish=0' : 'finish=2'
    }
  }

  /** Uses up octets in the present state; returns the rest. */
  #take(bytes: Buffer): Buffer {
    const message = this.#messages.at(-1)
    switch (this.#state) {
      case 'head':
        return this.#takeHead(bytes)
      case 'chunked':
        return this.#takeChunks(bytes)
      case 'length': {
        const part = bytes.subarray(0, this.#left)
        if (message !== undefined) message.body += part.toString('latin1')
        this.#left -= part.length
        this.#offset += part.length
        if (this.#left === 0) this.#complete()
        return bytes.subarray(part.length)
      }
      case 'until-close':
        if (message !== undefined) message.body += bytes.toString('latin1')
        return bytes.subarray(bytes.length)
      case 'closing':
        // Nobody reads on behind the last message; llhttp does not mind blank lines there either.
        if (bytes.some((octet) => octet !== 13 && octet !== 10)) this.#dataBehind = true
        return bytes.subarray(bytes.length)
      default:
        return bytes.subarray(bytes.length)
    }
  }

  #takeHead(bytes: Buffer): Buffer {
    const held = Buffer.concat([this.#held, bytes])
    const head = this.#head
    head.bytes = held
    const request = this.#options.kind === 'request'
    const result = request ? scanRequestHead(head, held, held.length) : scanResponseHead(head, held, held.length)
    if (result === 0) {
      this.#held = held
      return bytes.subarray(bytes.length)
    }
    this.#held = Buffer.alloc(0)
    if (result < 0) {
      this.#fault = result
      this.#refuse(textOfHeadFault(result))
      return bytes.subarray(bytes.length)
    }
    this.#open()
    this.#offset += result
    const framing = request ? requestFraming(head) : responseFraming(head, this.#options.toHead)
    this.#left = head.contentLength
    this.#decoder.reset()
    if (framing === 'none') this.#complete()
    else this.#state = framing
    return held.subarray(result)
  }

  #open(): void {
    const head = this.#head
    const version = `HTTP/1.${head.minorVersion}`
    const text = (start: number, end: number): string => head.bytes.toString('latin1', start, end)
    const startLine =
      this.#options.kind === 'request'
        ? `${text(head.start, head.methodEnd)} ${text(head.targetStart, head.targetEnd)} ${version}`
        : `${version} ${text(head.targetStart + 4, head.targetEnd)}`
    this.#messages.push({
      begin: this.#offset + head.start,
      startLine,
      fields: fieldsOf(head),
      body: '',
      trailers: [],
      end: undefined,
    })
  }

  #takeChunks(bytes: Buffer): Buffer {
    const decoder = this.#decoder
    const message = this.#messages.at(-1)
    const found = decoder.next(bytes, 0, bytes.length)
    this.#offset += decoder.position
    if (found === ChunkEvent.data && message !== undefined)
      message.body += bytes.toString('latin1', decoder.dataStart, decoder.dataEnd)
    else if (found === ChunkEvent.fault) this.#refuse('malformed chunk')
    else if (found === ChunkEvent.end) {
      if (decoder.trailers !== undefined) this.#readTrailers(decoder.trailers)
      this.#complete()
    }
    return bytes.subarray(decoder.position)
  }

  #readTrailers(lines: Buffer): void {
    const head = new Head(table, limits)
    head.bytes = lines
    if (scanFields(head, lines, lines.length) !== lines.length) return
    this.#messages.at(-1)?.trailers.push(...fieldsOf(head))
  }

  #complete(): void {
    const message = this.#messages.at(-1)
    if (message !== undefined) message.end = this.#offset
    const head = this.#head
    this.#state = this.#isTunnel() ? 'tunnel' : persists(head) ? 'head' : 'closing'
    if (this.#state !== 'head') return
    head.reset()
  }

  /** Another protocol begins here, if both sides say so. */
  #isTunnel(): boolean {
    const head = this.#head
    const upgrades = (head.connection & ConnectionOption.upgrade) !== 0 && head.upgradeIndex >= 0
    if (this.#options.kind === 'response') return upgrades && head.status === 101
    return upgrades || head.bytes.toString('latin1', head.start, head.methodEnd) === 'CONNECT'
  }

  #refuse(reason: string): void {
    this.#state = 'refused'
    this.#reason = reason
  }
}

/** RFC 9112 section 9.3. */
function persists(head: Head): boolean {
  if ((head.connection & ConnectionOption.close) !== 0) return false
  return head.minorVersion === 1 || (head.connection & ConnectionOption.keepAlive) !== 0
}

function fieldsOf(head: Head): string[] {
  return Array.from({ length: head.count }, (_, index) => `${head.name(index)}: ${head.value(index)}`)
}
