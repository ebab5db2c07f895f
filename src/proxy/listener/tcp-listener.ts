import { err, ok, type Result } from '../../base/index.ts'
import {
  acceptTls,
  ignoringOwner,
  listenTcp,
  type OriginalDestinationReader,
  type SocketOwner,
  type StreamSocket,
  type TcpListener,
} from '../../net/index.ts'
import { ResponseFlag } from '../../telemetry/index.ts'
import type { FieldFault, ListenerConfig } from '../config/index.ts'
import { createConnectionRecord, type DownstreamInfo } from '../network/index.ts'
import { authorizeConnection } from './authorize-connection.ts'
import { type ChainMatcher, createChainMatcher } from './chain-matcher.ts'
import { type ChainRuntime, updateChains } from './chain-runtime.ts'
import type { ListenerServices } from './listener-services.ts'

/** A chain that left a listener's configuration has this long for its connections (Envoy `--drain-time-s`), ms. */
const DROPPED_CHAIN_MS = 600_000

/** A bound listener of any protocol, as the data plane holds it. */
export interface ListenerRuntime {
  readonly config: ListenerConfig
  readonly address: string
  readonly port: number
  readonly connections: number
  readonly activeRequests: number
  /** Swaps the configuration on the same socket; after a fault the old one serves on. */
  readonly reconfigure: (config: ListenerConfig) => FieldFault | undefined
  /** Stops accepting, lets connections end for at most `timeoutMs`, cuts the rest. */
  readonly drain: (timeoutMs: number) => Promise<void>
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
  #readOriginal: OriginalDestinationReader | undefined

  constructor(config: ListenerConfig, services: ListenerServices) {
    this.config = config
    this.#services = services
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
    const bound = listenTcp({
      address,
      port,
      onAccept: (socket) => this.#onAccept(socket),
      onGone: (socket) => this.#onGone(socket),
    })
    if (!bound.ok) return { path: 'address.socket_address', message: bound.error.message }
    this.#socket = bound.value
    return undefined
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
    for (const chain of dropped) {
      this.#dropped.add(chain)
      void chain.server.drain(DROPPED_CHAIN_MS).then(() => this.#dropped.delete(chain))
    }
    return undefined
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#socket?.stop()
    await Promise.all([...this.#all, ...this.#dropped].map(({ server }) => server.drain(timeoutMs)))
  }

  #onAccept(socket: StreamSocket): void {
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
    const { tls } = chain.config
    if (tls === undefined) {
      if (this.#admit(socket, chain, info)) socket.data = chain.server.accept(socket, info)
    } else this.#handshake(socket, chain, info)
  }

  #handshake(socket: StreamSocket, chain: ChainRuntime, info: DownstreamInfo): void {
    const { tls } = chain.config
    const material = tls === undefined ? undefined : this.#services.tls.server(tls)
    if (material === undefined || !material.ok) {
      this.#refuse(socket, info, { flags: 0, details: toDetails('tls_not_ready', material?.error ?? '') })
      return
    }
    acceptTls(socket, material.value, (result) => {
      if (!result.accepted) {
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
      if (this.#admit(result.socket, chain, secure)) result.socket.data = chain.server.accept(result.socket, secure)
    })
  }

  /** Asks the chain's RBAC filters, before anything is read; false when the connection was closed. */
  #admit(socket: StreamSocket, chain: ChainRuntime, info: DownstreamInfo): boolean {
    const { rbac, network } = chain.config
    if (rbac === undefined) return true
    const denied = authorizeConnection(rbac, info, this.#services.telemetry)
    if (denied === undefined) return true
    const logs = network.kind === 'tcp' ? network.accessLogs : []
    this.#logRefusal(info, { flags: 0, details: denied }, [...logs, ...this.config.accessLogs])
    socket.terminate()
    return false
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
  #logRefusal(info: DownstreamInfo, refusal: Refusal, logs = this.config.accessLogs): void {
    if (logs.length === 0) return
    const record = createConnectionRecord(info, this.#services.clock.now())
    record.flags = refusal.flags
    record.details = refusal.details
    for (const config of logs) this.#services.logAccess(config, record)
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
