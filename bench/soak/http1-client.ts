/** An HTTP/1.1 client that repeats nothing and hides nothing: each request is written once, each byte of the answer is compared. */
import { connect, type Socket } from 'node:net'

import { PatternCheck } from './pattern.ts'

/** A request; a body is sent with its length. */
export interface Http1Request {
  readonly path: string
  readonly method?: string
  readonly headers?: readonly string[]
  readonly body?: Buffer
  /** The body of the answer is the pattern, so long. */
  readonly expectBytes?: number
  readonly expectStatus?: number
}

/** What came. */
export interface Http1Answer {
  readonly status: number
  readonly head: string
  /** The body, where no pattern was expected. */
  readonly text: string
}

type Framing = { kind: 'none' } | { kind: 'length'; left: number } | ChunkedFraming
interface ChunkedFraming {
  kind: 'chunked'
  /** Of the chunk that is being read; -1: its size line is next. */
  left: number
  line: string
  isLast: boolean
}

interface Pending {
  readonly request: Http1Request
  readonly resolve: (answer: Http1Answer) => void
  readonly reject: (cause: Error) => void
}

/** One connection; requests are answered in order, several may wait (pipelining). */
export class Http1Connection {
  /** Nothing more can be asked on it. */
  isClosed = false
  readonly socket: Socket
  readonly #waiting: Pending[] = []
  #head = ''
  #answer: { status: number; head: string } | undefined
  #framing: Framing = { kind: 'none' }
  #check = new PatternCheck()
  #text = ''

  /** Takes a socket that connects or is connected. */
  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (part: Buffer) => this.#guard(() => this.#take(part)))
    socket.on('error', (cause) => this.#fail(cause))
    socket.on('close', () => this.#fail(new Error('The connection was closed')))
  }

  /** @returns A connection to 127.0.0.1 that may still be opening. */
  static open(port: number): Http1Connection {
    return new Http1Connection(connect({ host: '127.0.0.1', port }))
  }

  /** Sends a request; rejects when the answer is another than was expected, or does not come. */
  exchange(request: Http1Request): Promise<Http1Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Http1Answer>()
    if (this.isClosed) {
      reject(new Error('The connection was closed before the request'))
      return promise
    }
    this.#waiting.push({ request, resolve, reject })
    const { path, method = request.body === undefined ? 'GET' : 'POST', headers = [], body } = request
    const length = body === undefined ? [] : [`content-length: ${body.length}`]
    this.socket.write(`${[`${method} ${path} HTTP/1.1`, 'host: soak', ...length, ...headers].join('\r\n')}\r\n\r\n`)
    if (body !== undefined) this.socket.write(body)
    return promise
  }

  close(): void {
    this.isClosed = true
    this.socket.destroy()
  }

  #guard(act: () => void): void {
    try {
      act()
    } catch (cause) {
      this.#fail(cause instanceof Error ? cause : new Error(String(cause)))
    }
  }

  #take(part: Buffer): void {
    let rest = part
    while (rest.length > 0) {
      if (this.#answer === undefined) rest = this.#takeHead(rest)
      else rest = this.#takeBody(rest)
    }
  }

  #takeHead(part: Buffer): Buffer {
    const before = this.#head.length
    this.#head += part.toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n', Math.max(0, before - 3))
    if (end < 0) return part.subarray(part.length)
    const head = this.#head.slice(0, end).toLowerCase()
    this.#head = ''
    const status = Number(/^http\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
    if (status === 0) throw new Error(`Expected a status line, got ${JSON.stringify(head.slice(0, 60))}`)
    const rest = part.subarray(end + 4 - before)
    if (status === 100) return rest
    this.#answer = { status, head }
    this.#framing = framingOf(status, head)
    if (/\r\nconnection: close/.test(head)) this.isClosed = true
    if (this.#framing.kind === 'none' || (this.#framing.kind === 'length' && this.#framing.left === 0)) this.#finish()
    return rest
  }

  #takeBody(part: Buffer): Buffer {
    const framing = this.#framing
    if (framing.kind === 'length') {
      const taken = part.subarray(0, framing.left)
      framing.left -= taken.length
      this.#collect(taken)
      if (framing.left === 0) this.#finish()
      return part.subarray(taken.length)
    }
    if (framing.kind === 'chunked') return this.#takeChunked(framing, part)
    throw new Error('Bytes behind the answer')
  }

  #takeChunked(framing: ChunkedFraming, part: Buffer): Buffer {
    if (framing.left > 0) {
      const taken = part.subarray(0, framing.left)
      framing.left -= taken.length
      this.#collect(taken)
      return part.subarray(taken.length)
    }
    const end = part.indexOf(10)
    framing.line += part.toString('latin1', 0, end < 0 ? part.length : end + 1)
    if (end < 0) return part.subarray(part.length)
    const line = framing.line.trim()
    framing.line = ''
    if (framing.left === 0) {
      framing.left = -1 // The line end behind a chunk.
    } else if (framing.isLast) {
      if (line === '') this.#finish()
    } else {
      framing.left = Number.parseInt(line, 16)
      if (Number.isNaN(framing.left)) throw new Error(`Expected the size of a chunk, got ${JSON.stringify(line)}`)
      if (framing.left === 0) {
        framing.isLast = true
        framing.left = -1
      }
    }
    return part.subarray(end + 1)
  }

  #collect(part: Buffer): void {
    if (this.#waiting[0]?.request.expectBytes === undefined || this.#answer?.status !== 200)
      this.#text += part.toString('latin1')
    else this.#check.take(part)
  }

  #finish(): void {
    const answer = this.#answer
    const waiting = this.#waiting.shift()
    const [check, text] = [this.#check, this.#text]
    this.#answer = undefined
    this.#framing = { kind: 'none' }
    this.#check = new PatternCheck()
    this.#text = ''
    if (answer === undefined || waiting === undefined) throw new Error('An answer that nobody asked for')
    const { request, resolve, reject } = waiting
    const expected = request.expectStatus ?? 200
    if (answer.status !== expected) {
      reject(new Error(`Expected ${expected}, got ${answer.status} ${text.slice(0, 120)} for ${request.path}`))
    } else if (request.expectBytes !== undefined && check.bytes !== request.expectBytes) {
      reject(new Error(`Expected ${request.expectBytes} bytes, got ${check.bytes} for ${request.path}`))
    } else resolve({ ...answer, text })
  }

  #fail(cause: Error): void {
    this.isClosed = true
    this.socket.destroy()
    const state = this.#answer === undefined ? 'before the answer' : 'within the answer'
    for (const { reject, request } of this.#waiting.splice(0))
      reject(new Error(`${cause.message} ${state} to ${request.path}`))
  }
}

function framingOf(status: number, head: string): Framing {
  if (status === 204 || status === 304 || status === 101) return { kind: 'none' }
  if (/\r\ntransfer-encoding: chunked/.test(head)) return { kind: 'chunked', left: -1, line: '', isLast: false }
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1]
  if (length === undefined) throw new Error('Expected a length or chunks, got neither')
  return { kind: 'length', left: Number(length) }
}
