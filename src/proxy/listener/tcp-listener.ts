import { err, ok, type Result } from '../../base/index.ts'
import {
  acceptTls,
  ignoringOwner,
  listenTcp,
  type OriginalDestinationReader,
  type SocketName,
  type SocketOwner,
  type StreamSocket,
  type TcpListener,
} from '../../net/index.ts'
import { ResponseFlag } from '../../telemetry/index.ts'
import type { FieldFault, ListenerConfig } from '../config/index.ts'
import { idleTimeOf } from '../drain/index.ts'
import { createConnectionRecord, type DownstreamInfo } from '../network/index.ts'
import { type ChainMatcher, createChainMatcher } from './chain-matcher.ts'
import { ConnectionLimiter } from './connection-limiter.ts'
import { isTaken } from '../overload/index.ts'
import { type ChainRuntime, updateChains } from './chain-runtime.ts'
import type { ListenerServices } from './listener-services.ts'

/** A bound listener of any protocol, as the data plane holds it. */
export interface ListenerRuntime {
  readonly config: ListenerConfig
  readonly address: string
  readonly port: number
  readonly connections: number
  readonly activeRequests: number
  /** Swaps the configuration on the same socket; after a fault the old one serves on. */
  readonly reconfigure: (config: ListenerConfig) => FieldFault | undefined
  /** `stop_accepting_connections`: who connects waits in the kernel's backlog until it is over. */
  readonly setAccepting?: (accepting: boolean) => void
  /** `reduce_timeouts` came into force: running idle times are measured anew. */
  readonly onTimeoutsReduced?: () => void
  /** Stops accepting, lets connections end for at most `timeoutMs`, idle ones for `idleMs` (0 by default), cuts the rest. */
  readonly drain: (timeoutMs: number, idleMs?: number) => Promise<void>
  /** Of the listening socket, for another process to take over; below 0 when there is none to give. */
  readonly descriptor: () => number
}

/** Owner of a connection that was refused before it was counted. */
const refusedOwner: SocketOwner = { ...ignoringOwner }

/** Binds a TCP listener; the fault names the `address` field. */
export function createTcpListener(
  config: ListenerConfig,
  services: ListenerServices,
): Result<ListenerRuntime, FieldFault> {
  const listener = new TcpListenerRuntime(config, services)
  const fault = listener.bind()
  return fault === undefined ? ok(listener) : err(fault)
}

class TcpListenerRuntime implements ListenerRuntime {
  config: ListenerConfig
  connections = 0
  readonly #services: ListenerServices
  readonly #counters: { readonly total: { value: number }; readonly active: { value: number } }
  #socket: TcpListener | undefined
  #all: readonly ChainRuntime[] = []
  #match: ChainMatcher<ChainRuntime> = () => undefined
  /** Chains without a successor whose connections still run. */
  readonly #dropped = new Set<ChainRuntime>()
  readonly #limiter: ConnectionLimiter
  /** The overload manager stopped accepting and the kernel cannot hold connections back: they are closed instead. */
  #closed = false
  #readOriginal: OriginalDestinationReader | undefined
  /** Accepted connections that no chain serves yet: their handshakes run. */
  readonly #opening = new Set<StreamSocket>()
  readonly #openingWaiters: (() => void)[] = []

  constructor(config: ListenerConfig, services: ListenerServices) {
    this.config = config
    this.#services = services
    this.#limiter = new ConnectionLimiter(services)
    const labels = { envoy_listener_name: config.name }
    this.#counters = {
      total: services.telemetry.counter('envoy_listener_downstream_cx_total', labels),
      active: services.telemetry.gauge('envoy_listener_downstream_cx_active', labels),
    }
  }

  bind(): FieldFault | undefined {
    const { address, port } = this.config
    const fault = this.reconfigure(this.config)
    if (fault !== undefined) return fault
    const taken = this.#services.sockets?.take(this.#socketName) ?? ok(undefined)
    if (!taken.ok) return { path: 'address.socket_address', message: taken.error }
    const bound = listenTcp({
      address,
      port: taken.value?.port ?? port,
      descriptor: taken.value?.descriptor,
      onAccept: (socket) => this.#onAccept(socket),
      onGone: (socket) => this.#onGone(socket),
    })
    if (!bound.ok) return { path: 'address.socket_address', message: bound.error.message }
    this.#socket = bound.value
    return undefined
  }

  readonly descriptor = (): number => this.#socket?.descriptor() ?? -1

  get #socketName(): SocketName {
    const { name, address, port } = this.config
    return { protocol: 'tcp', name, address, port }
  }

  get address(): string {
    return this.config.address
  }

  get port(): number {
    return this.#socket?.port ?? this.config.port
  }

  get activeRequests(): number {
    return [...this.#all, ...this.#dropped].reduce((sum, { server }) => sum + server.activeRequests, 0)
  }

  reconfigure(config: ListenerConfig): FieldFault | undefined {
    try {
      this.#readOriginal = config.originalDestination ? this.#services.originalDestination() : undefined
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      return { path: 'listener_filters', message: `SO_ORIGINAL_DST cannot be read on this system: ${text}` }
    }
    const { chains, defaultChain, dropped } = updateChains(this.#all, config, this.#services)
    this.config = config
    this.#all = defaultChain === undefined ? chains : [...chains, defaultChain]
    this.#match = createChainMatcher(chains, defaultChain)
    const { drainTimeMs } = this.#services
    for (const chain of dropped) {
      this.#dropped.add(chain)
      void chain.server.drain(drainTimeMs, idleTimeOf(drainTimeMs)).then(() => this.#dropped.delete(chain))
    }
    return undefined
  }

  async drain(timeoutMs: number, idleMs = 0): Promise<void> {
    this.#socket?.stop()
    this.#services.sockets?.release(this.#socketName)
    const drainAll = () =>
      Promise.all([...this.#all, ...this.#dropped].map(({ server }) => server.drain(timeoutMs, idleMs)))
    await drainAll()
    if (this.#opening.size === 0) return
    // A client whose handshake runs has been accepted: it is served as the others are.
    const cut = setTimeout(() => {
      for (const socket of this.#opening) socket.terminate()
    }, timeoutMs)
    while (this.#opening.size > 0) {
      await new Promise<void>((resolve) => this.#openingWaiters.push(resolve))
      await drainAll()
    }
    clearTimeout(cut)
  }

  #onOpened(socket: StreamSocket): void {
    this.#opening.delete(socket)
    for (const resolve of this.#openingWaiters.splice(0)) resolve()
  }

  setAccepting(accepting: boolean): void {
    const held = this.#socket?.setAccepting(accepting) ?? true
    this.#closed = !accepting && !held
  }

  onTimeoutsReduced(): void {
    for (const { server } of [...this.#all, ...this.#dropped]) server.onTimeoutsReduced?.()
  }

  #onAccept(socket: StreamSocket): void {
    const { overload, random } = this.#services
    if (this.#closed || (overload.rejectConnections > 0 && isTaken(overload.rejectConnections, random))) {
      socket.data = refusedOwner
      this.#count('downstream_cx_overload_reject')
      socket.terminate()
      return
    }
    if (!this.#services.budget.takeDownstream()) {
      socket.data = refusedOwner
      this.#services.telemetry.counter('envoy_listener_downstream_global_cx_overflow', {
        envoy_listener_name: this.config.name,
      }).value += 1
      socket.terminate()
      return
    }
    socket.data = ignoringOwner
    this.connections += 1
    this.#counters.total.value += 1
    this.#counters.active.value += 1
    this.#dispatch(socket)
  }

  #onGone(socket: StreamSocket): void {
    if (socket.data === refusedOwner) return
    this.#services.budget.giveDownstream()
    this.connections -= 1
    this.#limiter.give(socket)
    this.#counters.active.value -= 1
  }

  #dispatch(socket: StreamSocket): void {
    const original = this.#readOriginal?.(socket)
    const local = { address: plainAddress(socket.localAddress), port: socket.localPort }
    const destination = original ?? local
    const info: DownstreamInfo = {
      remoteAddress: joinAddress(plainAddress(socket.remoteAddress), socket.remotePort),
      localAddress: joinAddress(local.address, local.port),
      destinationAddress: destination.address,
      destinationPort: destination.port,
      direction: this.config.direction,
      tls: false,
      peerSpiffeId: '',
      localSpiffeId: '',
      serverName: '',
      alpn: '',
    }
    const chain = this.#match(destination.address, destination.port)
    if (chain === undefined) {
      this.#refuse(socket, info, { flags: ResponseFlag.NR, details: 'filter_chain_not_found' })
      return
    }
    const { tls, connectionLimit } = chain.config
    if (connectionLimit !== undefined && !this.#limiter.take(socket, chain, connectionLimit)) return
    if (tls === undefined) socket.data = chain.server.accept(socket, info)
    else this.#handshake(socket, chain, info)
  }

  #handshake(socket: StreamSocket, chain: ChainRuntime, info: DownstreamInfo): void {
    const { tls } = chain.config
    const material = tls === undefined ? undefined : this.#services.tls.server(tls)
    if (material === undefined || !material.ok) {
      this.#refuse(socket, info, { flags: 0, details: toDetails('tls_not_ready', material?.error ?? '') })
      return
    }
    this.#opening.add(socket)
    acceptTls(socket, material.value, (result) => {
      if (!result.accepted) {
        this.#onOpened(socket)
        this.#count('ssl_connection_error')
        this.#logRefusal(info, { flags: 0, details: toDetails('tls_handshake_failed', result.message) })
        return
      }
      this.#count('ssl_handshake')
      const secure: DownstreamInfo = {
        ...info,
        tls: true,
        peerSpiffeId: result.spiffeId,
        localSpiffeId: material.value.localSpiffeId,
        serverName: result.serverName,
        alpn: result.alpn,
      }
      result.socket.data = chain.server.accept(result.socket, secure)
      this.#onOpened(socket)
    })
  }

  #refuse(socket: StreamSocket, info: DownstreamInfo, refusal: Refusal): void {
    this.#count(refusal.flags === ResponseFlag.NR ? 'no_filter_chain_match' : 'ssl_connection_error')
    this.#logRefusal(info, refusal)
    socket.terminate()
  }

  #count(name: string): void {
    this.#services.telemetry.counter(`envoy_listener_${name}`, { envoy_listener_name: this.config.name }).value += 1
  }

  /** Connections that no filter took leave their line in the listener's own log. */
  #logRefusal(info: DownstreamInfo, refusal: Refusal): void {
    if (this.config.accessLogs.length === 0) return
    const record = createConnectionRecord(info, this.#services.clock.now())
    record.flags = refusal.flags
    record.details = refusal.details
    for (const config of this.config.accessLogs) this.#services.logAccess(config, record)
  }
}

interface Refusal {
  readonly flags: number
  readonly details: string
}

/** IPv4 addresses of sockets bound to `::` come as `::ffff:1.2.3.4`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function joinAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Response code details hold no spaces, as Envoy's. */
function toDetails(kind: string, reason: string): string {
  return `${kind}{${reason.replaceAll(' ', '_')}}`
}
