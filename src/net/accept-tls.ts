import type { SocketHandler, TLSUpgradeOptions } from 'bun'
import { NetLimits } from './limits.ts'
import { negotiatedProtocol } from './negotiated-protocol.ts'
import { type PeerRequirement, verifyPeer } from './peer-verification.ts'
import { createSocketHandlers, ignoringOwner } from './socket-handlers.ts'
import type { SocketOwner, StreamSocket } from './socket-owner.ts'
import { type TlsContext, toServerTlsOptions } from './tls-context.ts'

/** How to end TLS on an accepted connection. */
export interface AcceptTlsOptions {
  readonly context: TlsContext
  /** Protocols that are spoken here, the preferred first. A client that offers others only is refused (RFC 7301 section 3.2). */
  readonly alpn: readonly string[]
  readonly requirement: PeerRequirement
  /** Bytes of the client that were read already, valid during the call only. */
  readonly initialData?: Uint8Array
  /** `NetLimits.tlsHandshakeTimeoutMs` by default. */
  readonly timeoutMs?: number
}

/** What became of the handshake. */
export type AcceptTlsResult =
  | {
      readonly accepted: true
      readonly socket: StreamSocket
      readonly spiffeId: string
      readonly serverName: string
      /** The negotiated protocol; empty when none. */
      readonly alpn: string
    }
  | { readonly accepted: false; readonly message: string }

/** Bun 1.4 wants `isServer` for the accepting side and takes `initialData`; its types know neither. */
interface ServerUpgradeOptions extends TLSUpgradeOptions<SocketOwner> {
  isServer: true
  initialData?: Uint8Array
}

/**
 * Ends TLS on an accepted plain socket, with the keys of this moment (so rotation needs no new listener). `done` is called once:
 * with the TLS socket, whose `data` the callee sets, when the client is who it must be; else the connection is closed.
 * Chosen by measurement over `Bun.listen({tls})`: 1 to 3 % more CPU, and the port stays bound over rotation and config changes.
 */
export function acceptTls(
  socket: StreamSocket,
  options: AcceptTlsOptions,
  done: (result: AcceptTlsResult) => void,
): void {
  const handshake = new ServerHandshake(options.requirement, done)
  const upgrade: ServerUpgradeOptions = {
    isServer: true,
    tls: toServerTlsOptions(options.context, options.alpn),
    socket: handlers,
    data: handshake,
    ...(options.initialData === undefined ? {} : { initialData: options.initialData }),
  }
  // The plain half goes on seeing encrypted bytes.
  socket.data = ignoringOwner
  const [raw, secure] = socket.upgradeTLS<SocketOwner>(upgrade)
  raw.data = ignoringOwner
  handshake.start(secure, options.timeoutMs ?? NetLimits.tlsHandshakeTimeoutMs)
}

/** Shared by all accepted TLS connections; stateless. */
const handlers: SocketHandler<SocketOwner> = createSocketHandlers({
  onHandshake: (socket, error) => {
    if (socket.data instanceof ServerHandshake) socket.data.onHandshake(socket, error)
  },
})

/** Owner of a TLS socket until its client is known. */
class ServerHandshake implements SocketOwner {
  #done: ((result: AcceptTlsResult) => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #requirement: PeerRequirement

  constructor(requirement: PeerRequirement, done: (result: AcceptTlsResult) => void) {
    this.#requirement = requirement
    this.#done = done
  }

  start(socket: StreamSocket, timeoutMs: number): void {
    // With the client's bytes there already it may be over.
    if (this.#done === undefined) return
    this.#timer = setTimeout(() => {
      this.#finish({ accepted: false, message: `No TLS handshake within ${timeoutMs} ms` })
      socket.terminate()
    }, timeoutMs)
  }

  onHandshake(socket: StreamSocket, error: Error | undefined): void {
    if (this.#done === undefined) return
    const verdict = verifyPeer(socket, error, { role: 'server', requirement: this.#requirement, now: Date.now() })
    if (!verdict.accepted) {
      this.#finish({ accepted: false, message: verdict.message })
      socket.terminate()
      return
    }
    const serverName = socket.getServername()
    // Until the callee sets an owner nothing may reach this one.
    socket.data = ignoringOwner
    this.#finish({
      accepted: true,
      socket,
      spiffeId: verdict.spiffeId,
      serverName: typeof serverName === 'string' ? serverName : '',
      alpn: negotiatedProtocol(socket),
    })
  }

  onData(socket: StreamSocket): void {
    // Application bytes before a verdict: Bun delivers the handshake first, so this is a broken connection.
    socket.terminate()
  }

  onDrain(): void {}

  onEnd(socket: StreamSocket): void {
    this.#finish({ accepted: false, message: 'The client closed the connection during the TLS handshake' })
    socket.terminate()
  }

  onClose(_socket: StreamSocket, error: Error | undefined): void {
    const cause = error === undefined ? '' : `: ${error.message}`
    this.#finish({ accepted: false, message: `The connection ended during the TLS handshake${cause}` })
  }

  #finish(result: AcceptTlsResult): void {
    const done = this.#done
    this.#done = undefined
    clearTimeout(this.#timer)
    done?.(result)
  }
}
