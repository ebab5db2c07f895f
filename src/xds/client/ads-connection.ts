import type { MethodDefinition } from '@grpc/grpc-js'
import type { ChannelCredentials } from './channel-credentials.ts'
import type { AdsProtocol, ApplyUpdate } from './contract.ts'
import { type GrpcCall, openGrpcCall } from './grpc-call.ts'

/** What one connection to a control plane is made of. */
export interface AdsConnectionOptions<Request, Response> {
  /** `host:port` or `unix:<path>`, asked for at each attempt: of several control planes the next one may be tried. */
  readonly address: () => string
  /** Server name that TLS sends (SNI); the host of the address by default. */
  readonly serverName?: string | undefined
  /** Asked for at each attempt, so that a renewed certificate is used at once; undefined: not yet there, try later. */
  readonly credentials: (address: string) => ChannelCredentials | undefined
  readonly method: MethodDefinition<Request, Response>
  readonly protocol: AdsProtocol<Request, Response>
  readonly apply: ApplyUpdate
  /** Told of each change; the reason is empty when connected. */
  readonly onStatus: (connected: boolean, reason: string) => void
  /** Uniform in [0, 1), for the jitter. */
  readonly random: () => number
  /** First pause between attempts, milliseconds; 200 by default. Doubles up to `maxBackoffMs`. */
  readonly baseBackoffMs?: number
  /** 10 s by default. */
  readonly maxBackoffMs?: number
  readonly keepaliveMs?: number
}

/** A connection that comes back by itself until it is disposed. */
export interface AdsConnection extends AsyncDisposable {
  /** Sends what the protocol has to say; call after `subscribe` or `unsubscribe`. */
  readonly flush: () => void
  /** Ends the stream and opens a new one with current credentials. */
  readonly reconnect: () => void
}

/** Largest response read; what is larger fails the stream. */
const maxResponseBytes = 64 * 1024 * 1024

/** Opens an ADS stream and keeps it open: exponential backoff with jitter, which starts anew once a stream was accepted. */
export function openAdsConnection<Request, Response>(options: AdsConnectionOptions<Request, Response>): AdsConnection {
  return new ReconnectingStream(options)
}

class ReconnectingStream<Request, Response> implements AdsConnection {
  readonly #options: AdsConnectionOptions<Request, Response>
  #call: GrpcCall | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempts = 0
  #disposed = false

  constructor(options: AdsConnectionOptions<Request, Response>) {
    this.#options = options
    this.#open()
  }

  flush(): void {
    const call = this.#call
    if (call === undefined) return
    const { method, protocol } = this.#options
    for (const request of protocol.take()) call.send(method.requestSerialize(request))
  }

  reconnect(): void {
    if (this.#disposed) return
    this.#close()
    this.#attempts = 0
    this.#open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#close()
  }

  #open(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { method, protocol, apply, onStatus, serverName } = this.#options
    const address = this.#options.address()
    const credentials = this.#options.credentials(address)
    if (credentials === undefined) return this.#retry('No certificate yet')
    const call: GrpcCall = openGrpcCall(
      {
        target: { address, credentials, serverName },
        path: method.path,
        maxMessageBytes: maxResponseBytes,
        keepaliveMs: this.#options.keepaliveMs ?? 30_000,
      },
      {
        // The head comes when the stream is accepted, from some servers only with the first response.
        onAccepted: () => {
          this.#attempts = 0
          onStatus(true, '')
        },
        onMessage: (message) => {
          const response = this.#read(call, message)
          if (response === undefined) return
          protocol.onResponse(response, apply)
          this.flush()
        },
        onEnd: (code, text) => this.#onLost(call, code === 0 ? 'The control plane ended the stream' : text),
      },
    )
    this.#call = call
    protocol.onOpen()
    this.flush()
  }

  /** A response that is none ends the stream, as a gRPC library does. */
  #read(call: GrpcCall, message: Buffer): Response | undefined {
    try {
      return this.#options.method.responseDeserialize(message)
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      this.#onLost(call, `A response cannot be decoded: ${text}`)
      return undefined
    }
  }

  #onLost(call: GrpcCall, reason: string): void {
    if (this.#call !== call) return
    this.#close()
    this.#retry(reason)
  }

  #retry(reason: string): void {
    if (this.#disposed) return
    this.#options.onStatus(false, reason)
    const base = this.#options.baseBackoffMs ?? 200
    const pause = Math.min(base * 2 ** this.#attempts, this.#options.maxBackoffMs ?? 10_000)
    this.#attempts = Math.min(this.#attempts + 1, 16)
    this.#timer = setTimeout(() => this.#open(), pause * (0.5 + this.#options.random() / 2))
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const call = this.#call
    this.#call = undefined
    call?.cancel()
  }
}
