/**
 * One call of a gRPC method on a connection of its own, over the project's own HTTP/2: what ADS and the renewal of certificates need, and no more (no
 * compression, no retries, no balancing; docs/adr/0008-memory-of-a-proxy.md).
 */
import type { Socket } from 'node:net'
import { decodeGrpcMessage, GrpcStatus, grpcStatusOfHttp } from '../../wire/grpc/index.ts'
import { ErrorCode, type FieldBlock, Http2Session, type Http2Stream, type StreamOwner } from '../../wire/http2/index.ts'
import { describeStatus } from './grpc-status.ts'
import { type GrpcTarget, openGrpcSocket } from './grpc-socket.ts'
import { frameMessage, MessageAssembler } from './message-assembler.ts'

/** Is told what the server does; nothing after `onEnd`, which comes once, nor after `cancel`. */
export interface GrpcCallHandler {
  /** The server has accepted the call; not told when it ends it at once. */
  readonly onAccepted: () => void
  readonly onMessage: (message: Buffer) => void
  /** The call is over, `code` 0 when the server said that all is well. `text` has code and message for logs. */
  readonly onEnd: (code: number, text: string) => void
}

/** What is called, and within which bounds. */
export interface GrpcCallOptions {
  readonly target: GrpcTarget
  /** `/package.Service/Method`. */
  readonly path: string
  /** Length of a message that is read; a longer one ends the call with RESOURCE_EXHAUSTED. */
  readonly maxMessageBytes: number
  /** Whole time of the call, milliseconds; absent: no bound. */
  readonly deadlineMs?: number
  /** Silence after which the server is asked whether it is there (HTTP/2 PING), milliseconds; absent: never. */
  readonly keepaliveMs?: number
}

/** A call that is on its way. */
export interface GrpcCall {
  /** Sends a message, as soon as the connection is there. Ignored when the call is over. */
  readonly send: (message: Uint8Array) => void
  /** No more messages follow. */
  readonly end: () => void
  /** Gives the call up and closes its connection. */
  readonly cancel: () => void
}

/** TCP and TLS together, milliseconds. */
const connectTimeoutMs = 10_000

/** Answer to a PING, at most, milliseconds. */
const pongTimeoutMs = 10_000

/** A server may send so much ahead of our reading, octets: a configuration in a few round trips. */
const streamWindowBytes = 262_144

const pingPayload = Buffer.from('weftping', 'latin1')

/** Connects and calls. */
export function openGrpcCall(options: GrpcCallOptions, handler: GrpcCallHandler): GrpcCall {
  return new Call(options, handler)
}

/**
 *     connecting --ready--> open --status, reset, closed, time-out, cancel--> over
 *          +------------- failed, time-out, cancel ------------------------->
 */
class Call implements GrpcCall, StreamOwner {
  readonly #options: GrpcCallOptions
  readonly #handler: GrpcCallHandler
  readonly #socket: Socket
  readonly #session: Http2Session
  readonly #assembler: MessageAssembler
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #state: 'connecting' | 'open' | 'over' = 'connecting'
  #stream: Http2Stream | undefined
  /** Given before the connection was there. */
  #early: Buffer[] = []
  #ended = false
  #accepted = false
  #scheduled = false
  #failure: string | undefined
  #pong: ReturnType<typeof setTimeout> | undefined

  constructor(options: GrpcCallOptions, handler: GrpcCallHandler) {
    const { deadlineMs, maxMessageBytes, target } = options
    this.#options = options
    this.#handler = handler
    this.#assembler = new MessageAssembler(maxMessageBytes, (message) => {
      if (this.#state === 'open') handler.onMessage(message)
    })
    this.#session = new Http2Session('client', this.#sessionOwner(), {
      now: () => performance.now(),
      limits: { streamWindowBytes, keptOutputBytes: 4096 },
    })
    this.#after(connectTimeoutMs, () => {
      if (this.#state === 'connecting') this.#lose(`No connection to ${target.address} within ${connectTimeoutMs} ms`)
    })
    if (deadlineMs !== undefined)
      this.#after(deadlineMs, () => this.#finish(GrpcStatus.deadlineExceeded, `No answer within ${deadlineMs} ms`))
    this.#socket = openGrpcSocket(target, (failure) => this.#onReady(failure))
    this.#socket.on('data', (bytes: Buffer) => this.#onBytes(bytes))
    this.#socket.on('drain', () => this.#session.setWritable(true))
    this.#socket.on('error', (error) => this.#lose(error.message))
    this.#socket.on('close', () => this.#lose(this.#failure ?? 'The connection was closed'))
  }

  send(message: Uint8Array): void {
    const framed = frameMessage(message)
    if (this.#state === 'connecting') this.#early.push(framed)
    else if (this.#stream !== undefined) this.#session.sendData(this.#stream, framed, 0, framed.length, false)
  }

  end(): void {
    this.#ended = true
    if (this.#stream !== undefined) this.#session.sendData(this.#stream, noBytes, 0, 0, true)
  }

  cancel(): void {
    if (this.#state !== 'over') this.#close()
  }

  onHeaders(_: Http2Stream, block: FieldBlock, endStream: boolean): void {
    const status = Number(fieldOf(block, ':status') ?? 0)
    if (status < 200) return
    if (endStream || status !== 200) return this.#onStatus(block, status)
    const type = fieldOf(block, 'content-type') ?? ''
    if (!/^application\/grpc(?:$|[+;])/.test(type))
      return this.#finish(GrpcStatus.unknown, `Expected an answer of gRPC, got content type ${JSON.stringify(type)}`)
    this.#accepted = true
    this.#handler.onAccepted()
  }

  onData(stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    if (!this.#accepted) return
    const fault = this.#assembler.take(bytes, start, end)
    if (this.#state !== 'open') return
    this.#session.consume(stream, end - start)
    if (fault === 'compressed') this.#finish(GrpcStatus.internal, 'A compressed message came, which nobody offered')
    else if (fault === 'too-large')
      this.#finish(GrpcStatus.resourceExhausted, `A message is longer than ${this.#options.maxMessageBytes} bytes`)
    else if (endStream) this.#finish(GrpcStatus.internal, 'The server ended the stream without a status')
  }

  onTrailers(_: Http2Stream, block: FieldBlock): void {
    this.#onStatus(block, 200)
  }

  onReset(_: Http2Stream, errorCode: number): void {
    const code = errorCode === ErrorCode.refusedStream ? GrpcStatus.unavailable : GrpcStatus.internal
    this.#finish(this.#failure === undefined ? code : GrpcStatus.unavailable, `Stream reset, HTTP/2 error ${errorCode}`)
  }

  onWritable(): void {
    // What waits is kept by the session; the sender of a call gives it little.
  }

  #sessionOwner(): ConstructorParameters<typeof Http2Session>[1] {
    return {
      onStream: () => this,
      onOutput: () => this.#schedule(),
      onCapacity: () => undefined,
      onGoaway: () => undefined,
      onFailure: (_, rule) => this.#lose(`The server broke a rule of HTTP/2: ${rule}`),
      onIdle: () => undefined,
      onPong: () => {
        if (this.#pong === undefined) return
        clearTimeout(this.#pong)
        this.#timers.delete(this.#pong)
        this.#pong = undefined
      },
    }
  }

  #onReady(failure: string | undefined): void {
    if (this.#state !== 'connecting') return
    if (failure !== undefined) return this.#lose(failure)
    this.#state = 'open'
    const session = this.#session
    session.start()
    const stream = session.open(this)
    this.#stream = stream
    const { credentials, address, serverName } = this.#options.target
    const head = session.beginHead()
    head.field(':method', 'POST')
    head.field(':scheme', credentials.kind === 'plaintext' ? 'http' : 'https')
    head.field(':path', this.#options.path)
    head.field(':authority', serverName ?? (address.startsWith('unix:') ? 'localhost' : address))
    head.field('content-type', 'application/grpc')
    head.field('te', 'trailers')
    head.field('user-agent', 'weft')
    session.endHead(stream, false)
    for (const message of this.#early) session.sendData(stream, message, 0, message.length, false)
    this.#early = []
    if (this.#ended) this.end()
    const { keepaliveMs } = this.#options
    if (keepaliveMs !== undefined) this.#keepAlive(keepaliveMs)
    this.#flush()
  }

  #onBytes(bytes: Buffer): void {
    if (this.#state !== 'open') return
    this.#session.receive(bytes, 0, bytes.length)
    this.#flush()
  }

  #onStatus(block: FieldBlock, httpStatus: number): void {
    const text = fieldOf(block, 'grpc-status')
    const message = decodeGrpcMessage(fieldOf(block, 'grpc-message') ?? '')
    if (text === undefined && httpStatus !== 200)
      return this.#finish(grpcStatusOfHttp(httpStatus), `The server answered HTTP status ${httpStatus}`)
    if (text === undefined || !/^\d{1,4}$/.test(text))
      return this.#finish(GrpcStatus.unknown, 'The server ended the stream without a status')
    if (text === '0' && !this.#assembler.isBetween)
      return this.#finish(GrpcStatus.internal, 'The server ended the stream within a message')
    this.#finish(Number(text), message)
  }

  #schedule(): void {
    if (this.#scheduled || this.#state === 'over') return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#state === 'open') this.#flush()
    })
  }

  /** The socket keeps what the kernel does not take; until it is gone no more DATA follows. */
  #flush(): void {
    const session = this.#session
    while (session.outputLength > 0) {
      const isTaken = this.#socket.write(Buffer.from(session.output.subarray(0, session.outputLength)))
      if (!isTaken) session.setWritable(false)
      session.clearOutput()
    }
  }

  #keepAlive(everyMs: number): void {
    this.#after(everyMs, () => {
      if (this.#state !== 'open') return
      this.#session.ping(pingPayload)
      this.#pong = this.#after(Math.min(everyMs, pongTimeoutMs), () => this.#lose('The server does not answer'))
      this.#keepAlive(everyMs)
    })
  }

  #after(ms: number, run: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  /** The connection failed. */
  #lose(reason: string): void {
    this.#failure ??= reason
    this.#finish(GrpcStatus.unavailable, reason)
  }

  #finish(code: number, message: string): void {
    if (this.#state === 'over') return
    this.#close()
    this.#handler.onEnd(code, describeStatus(code, message))
  }

  /** Says goodbye where there is somebody to hear it. */
  #close(): void {
    const wasOpen = this.#state === 'open'
    this.#state = 'over'
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    const stream = this.#stream
    this.#stream = undefined
    if (!wasOpen || this.#failure !== undefined) {
      this.#socket.destroy()
      return
    }
    if (stream !== undefined && !stream.closed) this.#session.reset(stream, ErrorCode.cancel)
    this.#session.goaway(ErrorCode.noError)
    this.#flush()
    this.#socket.end()
    // A server that never ends its side would keep the connection.
    const timer = setTimeout(() => this.#socket.destroy(), 1_000)
    timer.unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }
}

const noBytes = Buffer.alloc(0)

function fieldOf(block: FieldBlock, name: string): string | undefined {
  const at = block.names.indexOf(name)
  return at < 0 ? undefined : block.values[at]
}
