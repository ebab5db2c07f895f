import type { SocketHandler } from 'bun'
import { NetLimits } from './limits.ts'
import { negotiatedProtocol } from './negotiated-protocol.ts'
import { type PeerRequirement, verifyPeer } from './peer-verification.ts'
import { createSocketHandlers } from './socket-handlers.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'
import type { KeepaliveSetter, TcpKeepalive } from './tcp-keepalive.ts'
import { type TlsContext, toClientTlsOptions } from './tls-context.ts'

/** The kernel's own time before the first keep-alive probe (Linux `tcp_keepalive_time`). */
const defaultIdleSeconds = 7200

/** `setTimeout` takes no more; beyond it fires at once. */
const longestTimeoutMs = 2 ** 31 - 1

/** Where to connect: an IP address and port, or the absolute path of a Unix socket. */
export type ConnectTarget =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'pipe'; readonly path: string }

/** How to speak TLS to a target and whom to expect there. */
export interface ConnectTls {
  readonly context: TlsContext
  /** Protocols to offer, the preferred first; the server may take none of them. */
  readonly alpn: readonly string[]
  readonly sni: string | undefined
  readonly requirement: PeerRequirement
}

/** Options of {@link createConnector}. */
export interface ConnectorOptions {
  readonly target: ConnectTarget
  /** From the call to the end of the TCP handshake, ms. */
  readonly connectTimeoutMs: number
  /** TCP keep-alive of each connection; absent: none. */
  readonly keepalive: TcpKeepalive | undefined
  /** Shared by all connectors of a process, from `createKeepaliveSetter`. */
  readonly setKeepalive: KeepaliveSetter
  /** Called for each connected or failed socket, once, when it counts no more. */
  readonly onReleased: () => void
  /** Called when the operating system has the file descriptor back, once for each attempt. */
  readonly onDescriptorFree: () => void
}

/** How an attempt ended; `message` is for logs. */
export type ConnectResult =
  | {
      readonly kind: 'connected'
      readonly socket: StreamSocket
      readonly peerSpiffeId: string
      /** The negotiated protocol; empty when none, or without TLS. */
      readonly alpn: string
    }
  | {
      readonly kind: 'failed'
      readonly reason: 'refused' | 'timeout' | 'tls' | 'unreachable'
      readonly message: string
    }

/** Opens connections to one target. */
export interface Connector {
  /** Opens one connection; `done` is called once and never before this returns. After `cancel` it is not called. */
  readonly connect: (
    tls: ConnectTls | undefined,
    owner: SocketOwner,
    done: (result: ConnectResult) => void,
  ) => { readonly cancel: () => void }
  /** True when a TLS session ticket is held that the next connection with this context offers. */
  readonly hasSession: (context: TlsContext) => boolean
}

/** Handlers and ticket of one TLS context (or of plain text): a session made under one trust is never offered under another. */
interface Channel {
  readonly context: TlsContext | undefined
  readonly handlers: SocketHandler<SocketOwner>
  session: Uint8Array | undefined
}

/** Makes a connector. It holds no socket; those belong to their owners. */
export function createConnector(options: ConnectorOptions): Connector {
  let channel: Channel | undefined
  const channelFor = (context: TlsContext | undefined): Channel => {
    if (channel === undefined || channel.context !== context) channel = createChannel(context, options)
    return channel
  }
  return {
    connect(tls, owner, done) {
      const attempt = new ConnectAttempt(options, tls, owner, done)
      attempt.start(channelFor(tls?.context))
      return attempt
    },
    hasSession: (context) => channel?.context === context && channel.session !== undefined,
  }
}

function createChannel(context: TlsContext | undefined, options: ConnectorOptions): Channel {
  const handlers = createSocketHandlers({
    onOpen: (socket) => {
      if (socket.data instanceof ConnectAttempt) socket.data.onOpen(socket, channel.session)
    },
    onClosed: (socket) => {
      options.onDescriptorFree()
      if (socket.data instanceof ConnectAttempt) socket.data.onSocketClosed()
      else options.onReleased()
    },
    ...(context === undefined
      ? {}
      : {
          onHandshake: (socket: StreamSocket, error: Error | undefined) => {
            if (socket.data instanceof ConnectAttempt) socket.data.onHandshake(socket, error)
          },
          onSession: (_socket: StreamSocket, session: Uint8Array) => {
            channel.session = session
          },
        }),
  })
  const channel: Channel = { context, handlers, session: undefined }
  return channel
}

/**
 * One attempt; the socket's owner until it is handed over.
 *
 *     connecting --open--> handshaking (TLS) --verified--> finished, handed over
 *         |                     |
 *         +------ error, time-out, refused peer, cancel ------> finished, socket closed
 */
class ConnectAttempt implements SocketOwner {
  #state: 'connecting' | 'handshaking' | 'finished' = 'connecting'
  #released = false
  #socket: StreamSocket | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #options: ConnectorOptions
  readonly #tls: ConnectTls | undefined
  readonly #owner: SocketOwner
  readonly #done: (result: ConnectResult) => void

  constructor(
    options: ConnectorOptions,
    tls: ConnectTls | undefined,
    owner: SocketOwner,
    done: (result: ConnectResult) => void,
  ) {
    this.#options = options
    this.#tls = tls
    this.#owner = owner
    this.#done = done
  }

  start(channel: Channel): void {
    const { target, connectTimeoutMs } = this.#options
    this.#timer = setTimeout(
      () => {
        this.#fail('timeout', `No connection to ${describeTarget(target)} within ${connectTimeoutMs} ms`)
      },
      Math.min(connectTimeoutMs, longestTimeoutMs),
    )
    const tls = this.#tls
    const shared = {
      socket: channel.handlers,
      data: this,
      allowHalfOpen: true,
      ...(tls === undefined ? {} : { tls: toClientTlsOptions(tls.context, tls.alpn, tls.sni) }),
    }
    const opening =
      target.kind === 'tcp'
        ? Bun.connect<SocketOwner>({ hostname: target.address, port: target.port, ...shared })
        : Bun.connect<SocketOwner>({ unix: target.path, ...shared })
    opening.then(undefined, (error: unknown) => this.#onRefused(error))
  }

  cancel(): void {
    if (this.#state !== 'finished') this.#finish()
  }

  onOpen(socket: StreamSocket, session: Uint8Array | undefined): void {
    this.#socket = socket
    if (this.#state === 'finished') {
      socket.terminate()
      return
    }
    const { keepalive, setKeepalive } = this.#options
    if (keepalive !== undefined && !setKeepalive(socket, keepalive))
      socket.setKeepAlive(true, (keepalive.idleSeconds ?? defaultIdleSeconds) * 1000)
    clearTimeout(this.#timer)
    if (this.#tls === undefined) {
      this.#handOver(socket, '')
      return
    }
    this.#state = 'handshaking'
    this.#timer = setTimeout(
      () =>
        this.#fail(
          'timeout',
          `No TLS handshake with ${describeTarget(this.#options.target)} within ${NetLimits.tlsHandshakeTimeoutMs} ms`,
        ),
      NetLimits.tlsHandshakeTimeoutMs,
    )
    if (session !== undefined) socket.setSession(session)
  }

  onHandshake(socket: StreamSocket, error: Error | undefined): void {
    if (this.#state !== 'handshaking' || this.#tls === undefined) return
    const verdict = verifyPeer(socket, error, { role: 'client', requirement: this.#tls.requirement, now: Date.now() })
    if (verdict.accepted) this.#handOver(socket, verdict.spiffeId)
    else this.#fail('tls', verdict.message)
  }

  /** The socket is gone before it was handed over. */
  onSocketClosed(): void {
    this.#release()
  }

  onData(): void {
    // Nothing is read before the handshake ended: bytes here can only come after a failure.
  }

  onDrain(): void {}

  onEnd(socket: StreamSocket): void {
    this.#fail(
      this.#state === 'handshaking' ? 'tls' : 'unreachable',
      'The peer closed the connection during the handshake',
    )
    socket.terminate()
  }

  onClose(_socket: StreamSocket, error: Error | undefined): void {
    const text = error === undefined ? 'The peer closed the connection' : error.message
    this.#fail(this.#state === 'handshaking' ? 'tls' : 'unreachable', `${text} during the handshake`)
  }

  #handOver(socket: StreamSocket, peerSpiffeId: string): void {
    this.#state = 'finished'
    clearTimeout(this.#timer)
    socket.data = this.#owner
    this.#done({ kind: 'connected', socket, peerSpiffeId, alpn: negotiatedProtocol(socket) })
  }

  #onRefused(error: unknown): void {
    // `open` was called: the close event accounts for the socket, this rejection says nothing new.
    if (this.#socket !== undefined) return
    this.#options.onDescriptorFree()
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    const text = error instanceof Error ? error.message : String(error)
    this.#fail(code === 'ECONNREFUSED' ? 'refused' : 'unreachable', `${describeTarget(this.#options.target)}: ${text}`)
  }

  #fail(reason: 'refused' | 'timeout' | 'tls' | 'unreachable', message: string): void {
    if (this.#state === 'finished') return
    this.#finish()
    this.#done({ kind: 'failed', reason, message })
  }

  /** Ends the attempt without a connection; the socket, should it still open, is closed at once. */
  #finish(): void {
    this.#state = 'finished'
    clearTimeout(this.#timer)
    this.#release()
    this.#socket?.terminate()
  }

  #release(): void {
    if (this.#released) return
    this.#released = true
    this.#options.onReleased()
  }
}

function describeTarget(target: ConnectTarget): string {
  return target.kind === 'tcp' ? `${target.address}:${target.port}` : target.path
}
