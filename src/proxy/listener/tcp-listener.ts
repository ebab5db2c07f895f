import { err, ok, type Result } from '../../base/index.ts'
import {
  acceptTls,
  ignoringOwner,
  listenTcp,
  NetLimits,
  type OriginalDestinationReader,
  type SocketName,
  type SocketOwner,
  type StreamSocket,
  type TcpListener,
} from '../../net/index.ts'
import { ResponseFlag } from '../../telemetry/index.ts'
import type { FieldFault, ListenerConfig, ListenerInspector, ServerTlsConfig } from '../config/index.ts'
import { idleTimeOf } from '../drain/index.ts'
import { createConnectionRecord, type DownstreamInfo } from '../network/index.ts'
import { certificateFor } from '../tls/index.ts'
import { authorizeConnection } from './authorize-connection.ts'
import { type ChainMatcher, createChainMatcher } from './chain-matcher.ts'
import { ConnectionLimiter } from './connection-limiter.ts'
import { isTaken } from '../overload/index.ts'
import { type ChainRuntime, updateChains } from './chain-runtime.ts'
import { describeDownstream, toMatched } from './describe-downstream.ts'
import { type FirstBytes, noFirstBytes } from './inspect-bytes.ts'
import { Inspection, type InspectionEnd, noBytes, type ReadBytes } from './inspection.ts'
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
  /** Accepted connections that no chain serves yet: their first bytes are awaited, or their handshakes run. */
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
    this.#wakeDrains()
  }

  #wakeDrains(): void {
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
      this.#count('listener_downstream_cx_overload_reject')
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
    this.#inspect(socket)
  }

  #onGone(socket: StreamSocket): void {
    if (socket.data === refusedOwner) return
    this.#services.budget.giveDownstream()
    this.connections -= 1
    this.#limiter.give(socket)
    this.#counters.active.value -= 1
  }

  #inspect(socket: StreamSocket): void {
    const { inspectors, inspectionTimeoutMs, continueOnInspectionTimeout } = this.config
    if (inspectors.length === 0) {
      this.#dispatch(socket, noFirstBytes(), noBytes)
      return
    }
    this.#opening.add(socket)
    new Inspection({
      inspectors,
      timeoutMs: inspectionTimeoutMs,
      continueOnTimeout: continueOnInspectionTimeout,
      count: (counter) => this.#count(counter),
      onEnd: (inspected, end) => {
        this.#opening.delete(inspected)
        this.#onInspected(inspected, end)
        this.#wakeDrains()
      },
    }).start(socket, noBytes)
  }

  #onInspected(socket: StreamSocket, end: InspectionEnd): void {
    if (end.kind === 'inspected') {
      this.#dispatch(socket, end.facts, end)
      return
    }
    if (end.kind === 'gone') return
    const details = end.kind === 'refused' ? end.details : 'listener_filters_timeout'
    this.#logRefusal(describeDownstream(socket, this.config.direction, { facts: noFirstBytes() }), {
      flags: 0,
      details,
    })
    socket.terminate()
  }

  #dispatch(socket: StreamSocket, facts: FirstBytes, read: ReadBytes): void {
    const original = this.#readOriginal?.(socket)
    const info = describeDownstream(socket, this.config.direction, { facts, original })
    const chain = this.#match(toMatched(socket, info, facts))
    if (chain === undefined) {
      this.#refuse(socket, info, { flags: ResponseFlag.NR, details: 'filter_chain_not_found' })
      return
    }
    const { tls, connectionLimit } = chain.config
    if (connectionLimit !== undefined && !this.#limiter.take(socket, chain, connectionLimit)) return
    if (tls === undefined) {
      if (this.#admit(socket, chain, info)) accept(chain, socket, { info, read })
    } else if (facts.tlsInspected || !needsHello(tls)) this.#handshake(socket, chain, { info, facts, read })
    else this.#awaitHello(socket, chain, { info, read })
  }

  /** A client that offers protocols of its own only is served without one, as in Envoy. */
  #awaitHello(socket: StreamSocket, chain: ChainRuntime, { info, read }: Omit<Dispatched, 'facts'>): void {
    this.#opening.add(socket)
    new Inspection({
      inspectors: helloInspectors,
      timeoutMs: NetLimits.tlsHandshakeTimeoutMs,
      continueOnTimeout: false,
      count: () => undefined,
      onEnd: (inspected, end) => {
        this.#opening.delete(inspected)
        if (end.kind === 'inspected') this.#handshake(inspected, chain, { info, facts: end.facts, read: end })
        else this.#refuse(inspected, info, { flags: 0, details: toDetails('tls_handshake_failed', end.kind) })
        this.#wakeDrains()
      },
    }).start(socket, read)
  }

  #handshake(socket: StreamSocket, chain: ChainRuntime, { info, facts, read }: Dispatched): void {
    const { tls } = chain.config
    const material = tls === undefined ? undefined : this.#services.tls.server(tls)
    if (material === undefined || !material.ok) {
      this.#refuse(socket, info, { flags: 0, details: toDetails('tls_not_ready', material?.error ?? '') })
      return
    }
    if (read.ended) {
      this.#refuse(socket, info, { flags: 0, details: toDetails('tls_handshake_failed', 'The client left') })
      return
    }
    const { alpn } = material.value
    const common = alpn.some((protocol) => facts.applicationProtocols.includes(protocol))
    const { context, localSpiffeId } = certificateFor(material.value, facts)
    const options = { ...material.value, context, alpn: common ? alpn : [], initialData: read.rest }
    this.#opening.add(socket)
    acceptTls(socket, options, (result) => {
      if (!result.accepted) {
        this.#onOpened(socket)
        this.#count('listener_ssl_connection_error')
        this.#logRefusal(info, { flags: 0, details: toDetails('tls_handshake_failed', result.message) })
        return
      }
      this.#count('listener_ssl_handshake')
      const secure: DownstreamInfo = {
        ...info,
        tls: true,
        peerSpiffeId: result.spiffeId,
        localSpiffeId,
        serverName: result.serverName,
        alpn: result.alpn,
      }
      if (this.#admit(result.socket, chain, secure)) result.socket.data = chain.server.accept(result.socket, secure)
      this.#onOpened(socket)
    })
  }

  /** Asks the chain's RBAC filters, before its server reads anything; false when the connection was closed. */
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
    this.#count(refusal.flags === ResponseFlag.NR ? 'listener_no_filter_chain_match' : 'listener_ssl_connection_error')
    this.#logRefusal(info, refusal)
    socket.terminate()
  }

  #count(name: string): void {
    this.#services.telemetry.counter(`envoy_${name}`, { envoy_listener_name: this.config.name }).value += 1
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

interface Dispatched {
  readonly info: DownstreamInfo
  readonly facts: FirstBytes
  readonly read: ReadBytes
}

/** What is offered, and which certificate, depends on what the client asks for. */
function needsHello({ alpn, otherCertificates }: ServerTlsConfig): boolean {
  return alpn.length > 0 || otherCertificates !== undefined
}

const helloInspectors: readonly ListenerInspector[] = [{ kind: 'tls' }]

/** Hands a plain connection to its server, with what was read of it. */
function accept(
  chain: ChainRuntime,
  socket: StreamSocket,
  { info, read }: { readonly info: DownstreamInfo; readonly read: ReadBytes },
): void {
  socket.data = chain.server.accept(socket, info)
  if (read.rest.length > 0) socket.data.onData(socket, read.rest)
  if (read.ended) socket.data.onEnd(socket)
}

/** Response code details hold no spaces, as Envoy's. */
function toDetails(kind: string, reason: string): string {
  return `${kind}{${reason.replaceAll(' ', '_')}}`
}
