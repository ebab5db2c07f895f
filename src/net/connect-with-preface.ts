import type { SocketHandler } from 'bun'
import type { Connector, ConnectResult, ConnectTls } from './connector.ts'
import { NetLimits } from './limits.ts'
import { negotiatedProtocol } from './negotiated-protocol.ts'
import { verifyPeer } from './peer-verification.ts'
import { createSocketHandlers, ignoringOwner } from './socket-handlers.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'
import { toClientTlsOptions } from './tls-context.ts'

/** What is sent before anything else, and the TLS that begins behind it; plain text without. */
export interface PrefacedConnect {
  readonly preface: Uint8Array
  readonly tls: ConnectTls | undefined
}

/**
 * Opens a connection that begins with some bytes in plain text, as a PROXY protocol header is sent; TLS starts behind them. `done` and
 * `cancel` as in `Connector.connect`. TLS sessions are not resumed.
 */
export function connectWithPreface(
  connector: Connector,
  { preface, tls }: PrefacedConnect,
  callbacks: { readonly owner: SocketOwner; readonly done: (result: ConnectResult) => void },
): { readonly cancel: () => void } {
  let handshake: ClientHandshake | undefined
  const connecting = connector.connect(undefined, tls === undefined ? callbacks.owner : ignoringOwner, (result) => {
    if (result.kind === 'failed') {
      callbacks.done(result)
      return
    }
    // A fresh socket takes some hundred bytes at once; one that does not is of no use.
    if (result.socket.write(preface) !== preface.length) {
      result.socket.data = ignoringOwner
      result.socket.terminate()
      callbacks.done({ kind: 'failed', reason: 'unreachable', message: 'The connection does not take its first bytes' })
    } else if (tls === undefined) callbacks.done(result)
    else {
      handshake = new ClientHandshake(tls, callbacks)
      handshake.start(result.socket)
    }
  })
  return {
    cancel: () => {
      connecting.cancel()
      handshake?.cancel()
    },
  }
}

/** Shared by all such connections; stateless. */
const handlers: SocketHandler<SocketOwner> = createSocketHandlers({
  onHandshake: (socket, error) => {
    if (socket.data instanceof ClientHandshake) socket.data.onHandshake(socket, error)
  },
})

/** Owner of a TLS socket until its server is known. */
class ClientHandshake implements SocketOwner {
  #finished = false
  #socket: StreamSocket | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #tls: ConnectTls
  readonly #owner: SocketOwner
  readonly #done: (result: ConnectResult) => void

  constructor(
    tls: ConnectTls,
    { owner, done }: { readonly owner: SocketOwner; readonly done: (result: ConnectResult) => void },
  ) {
    this.#tls = tls
    this.#owner = owner
    this.#done = done
  }

  start(plain: StreamSocket): void {
    const { context, alpn, sni } = this.#tls
    const tls = toClientTlsOptions(context, alpn, sni)
    const [raw, secure] = plain.upgradeTLS<SocketOwner>({ tls, socket: handlers, data: this })
    // The plain half goes on seeing encrypted bytes.
    raw.data = ignoringOwner
    this.#socket = secure
    const { tlsHandshakeTimeoutMs: timeoutMs } = NetLimits
    this.#timer = setTimeout(() => this.#fail('timeout', `No TLS handshake within ${timeoutMs} ms`), timeoutMs)
  }

  cancel(): void {
    if (!this.#finished) this.#finish()
  }

  onHandshake(socket: StreamSocket, error: Error | undefined): void {
    if (this.#finished) return
    const verdict = verifyPeer(socket, error, { role: 'client', requirement: this.#tls.requirement, now: Date.now() })
    if (!verdict.accepted) {
      this.#fail('tls', verdict.message)
      return
    }
    this.#finished = true
    clearTimeout(this.#timer)
    socket.data = this.#owner
    this.#done({ kind: 'connected', socket, peerSpiffeId: verdict.spiffeId, alpn: negotiatedProtocol(socket) })
  }

  onData(): void {
    // Nothing is read before the handshake ended: bytes here can only come after a failure.
  }

  onDrain(): void {}

  onEnd(): void {
    this.#fail('tls', 'The peer closed the connection during the handshake')
  }

  onClose(_socket: StreamSocket, error: Error | undefined): void {
    const text = error === undefined ? 'The peer closed the connection' : error.message
    this.#fail('tls', `${text} during the handshake`)
  }

  #fail(reason: 'timeout' | 'tls', message: string): void {
    if (this.#finished) return
    this.#finish()
    this.#done({ kind: 'failed', reason, message })
  }

  #finish(): void {
    this.#finished = true
    clearTimeout(this.#timer)
    this.#socket?.terminate()
  }
}
