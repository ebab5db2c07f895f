import { type ChannelCredentials, Client, type ClientDuplexStream, type MethodDefinition } from '@grpc/grpc-js'
import { channelOptions } from './channel-credentials.ts'
import { endingWithChannel } from './channel-end.ts'
import type { AdsProtocol, ApplyUpdate } from './contract.ts'

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
  #client: Client | undefined
  #call: ClientDuplexStream<Request, Response> | undefined
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
    for (const request of this.#options.protocol.take()) call.write(request)
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
    const keepaliveMs = this.#options.keepaliveMs ?? 30_000
    const client = new Client(address, endingWithChannel(credentials), {
      ...channelOptions(address, serverName),
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': Math.min(keepaliveMs, 10_000),
      'grpc.max_receive_message_length': maxResponseBytes,
      'grpc.enable_retries': 0,
    })
    const call = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize)
    this.#client = client
    this.#call = call
    let connected = false
    // Headers come when the stream is accepted, from some servers only with the first response.
    call.on('metadata', () => {
      if (this.#call !== call || connected) return
      connected = true
      this.#attempts = 0
      onStatus(true, '')
    })
    call.on('data', (response: Response) => {
      if (this.#call !== call) return
      protocol.onResponse(response, apply)
      this.flush()
    })
    // After an error 'end' may follow; only the first of them counts because the call is no longer the current one.
    call.on('error', (error) => this.#onLost(call, error.message))
    call.on('end', () => this.#onLost(call, 'The control plane ended the stream'))
    protocol.onOpen()
    this.flush()
  }

  #onLost(call: ClientDuplexStream<Request, Response>, reason: string): void {
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
    this.#client?.close()
    this.#client = undefined
  }
}
