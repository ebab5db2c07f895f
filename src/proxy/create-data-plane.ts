import { networkInterfaces } from 'node:os'
import { type Clock, err, ok, type Result, systemAlarm, systemClock, TimerWheel } from '../base/index.ts'
import {
  createBulkMover,
  createDeliveryProbe,
  createOriginalDestinationReader,
  createKeepaliveSetter,
  createSocketBudget,
  type InheritedSocket,
  isSameSocket,
  type OriginalDestinationReader,
  readFileDescriptorLimit,
  type Resolver,
  type SocketName,
  type SocketSource,
  systemResolver,
} from '../net/index.ts'
import { type AccessLogWriter, createAccessLogWriter, type Telemetry } from '../telemetry/index.ts'
import { type ClusterSet, createClusterSet } from './cluster/index.ts'
import type { ClientTlsConfig, FieldFault, ListenerConfig, OverloadConfig, ServerTlsConfig } from './config/index.ts'
import { createAccessLogger } from './data-plane-access-log.ts'
import type { DataPlane, OnDemand } from './data-plane.ts'
import { createDrainGroup, idleTimeOf } from './drain/index.ts'
import { createHttpServer, type HttpNode, type HttpServer, type HttpServerOptions } from './http/index.ts'
import { defaultLimits, type ProxyLimits } from './limits.ts'
import {
  createDnsListener,
  createTcpListener,
  createUdpListener,
  type ListenerRuntime,
  type ListenerServices,
} from './listener/index.ts'
import { createTcpProxy, UdpProxy } from './network/index.ts'
import {
  createOverloadManager,
  defaultOverload,
  type OverloadManager,
  type ResourceReaders,
  systemReaders,
} from './overload/index.ts'
import type { RouteTable } from './route/index.ts'
import {
  type CertificatePair,
  certificatePairs,
  createSecretTable,
  createTlsMaterial,
  type TlsMaterial,
} from './tls/index.ts'

/** What a data plane is made of. */
export interface DataPlaneOptions {
  /** The workload that is served, for metrics and peers. */
  readonly node: HttpNode
  readonly telemetry: Telemetry
  /** Makes the HTTP side of a filter chain: `createHttpServer` of `http/` by default. */
  readonly createHttpServer?: (options: HttpServerOptions) => HttpServer
  /** Absent: virtual hosts that are not held are not asked for (404). */
  readonly onDemand?: OnDemand
  /** Absent: a writer of its own, closed with the data plane. */
  readonly accessLog?: AccessLogWriter
  /** Told when a cluster is no longer among `warmingClusters`. */
  readonly onClusterWarm?: () => void
  /** `systemClock` by default. */
  readonly clock?: Clock
  /** Uniform in [0, 1); `Math.random` by default. */
  readonly random?: () => number
  /** The machine's resolver by default. */
  readonly resolver?: Resolver
  readonly limits?: ProxyLimits
  /** File descriptors that the process may open; read from the system by default. */
  readonly fileDescriptors?: number
  /** Listening sockets of another process, taken over as listeners are opened; absent: all are opened here. */
  readonly sockets?: SocketSource | undefined
  /** How long connections have to end whose listener moved or whose filter chain left, ms; 600,000 by default (Envoy `--drain-time-s`). */
  readonly drainTimeMs?: number | undefined
  /** The cluster that this proxy serves in and its locality (`region/zone/sub_zone`), for zone-aware routing. */
  readonly local?: { readonly cluster: string; readonly locality: string } | undefined
  /** Most downstream connections; `NetLimits.downstreamConnections` by default. */
  readonly maxConnections?: number
  /** Absent: the defaults of `overload/`. */
  readonly overload?: OverloadConfig
  /** Where the overload manager reads pressure; the machine by default. */
  readonly resourceReaders?: ResourceReaders
}

/** How often, and how long apart in ms, a yielded port is tried again. */
const RECLAIM_TRIES = 50
const RECLAIM_PAUSE_MS = 100

/** Envoy's default of `--drain-time-s`. */
const DRAIN_TIME_MS = 600_000

/** Makes an empty data plane: no listener, no cluster. Dispose it to close everything at once; `drain` first to end politely. */
export function createDataPlane(options: DataPlaneOptions): DataPlane {
  return new ProxyDataPlane(options)
}

class ProxyDataPlane implements DataPlane {
  readonly #secrets = createSecretTable()
  readonly #tls: TlsMaterial = createTlsMaterial(this.#secrets)
  readonly #listeners = new Map<string, ListenerRuntime>()
  readonly #draining = createDrainGroup<ListenerRuntime>()
  readonly #routeTables = new Map<string, RouteTable>()
  readonly #clusters: ClusterSet
  readonly #listenerServices: ListenerServices
  readonly #yielded: ListenerConfig[] = []
  readonly #ownAccessLog: AccessLogWriter | undefined
  readonly #overload: OverloadManager
  #accepting = true
  #state: 'serving' | 'draining' = 'serving'
  /** Changes of one listener are done one after another. */
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(options: DataPlaneOptions) {
    const { node, telemetry } = options
    const clock = options.clock ?? systemClock
    const random = options.random ?? Math.random
    const limits = options.limits ?? defaultLimits
    const timers = new TimerWheel({ clock, alarm: systemAlarm })
    const overload = options.overload ?? defaultOverload()
    const maxDownstream = options.maxConnections ?? overload.maxDownstreamConnections
    const budget = createSocketBudget({
      fileDescriptors: options.fileDescriptors ?? readFileDescriptorLimit(),
      ...(maxDownstream === undefined ? {} : { maxDownstream }),
    })
    this.#overload = createOverloadManager({
      config: overload,
      telemetry,
      clock,
      alarm: systemAlarm,
      readers: options.resourceReaders ?? systemReaders,
      shrinkHeap,
      downstream: () => ({ active: budget.downstream, max: budget.maxDownstream }),
    })
    this.#followOverload()
    const { state } = this.#overload
    this.#ownAccessLog = options.accessLog === undefined ? createAccessLogWriter() : undefined
    const logAccess = createAccessLogger(options.accessLog ?? this.#ownAccessLog ?? createAccessLogWriter())
    this.#clusters = createClusterSet({
      tls: this.#tls,
      budget,
      resolver: options.resolver ?? systemResolver,
      setKeepalive: createKeepaliveSetter(),
      delivery: createDeliveryProbe(),
      telemetry,
      timers,
      clock,
      limits,
      random,
      local: options.local,
      ...(options.onClusterWarm === undefined ? {} : { onClusterWarm: options.onClusterWarm }),
      isOwnListener: (address, port) => this.#isOwnListener(address, port),
    })
    const shared = {
      cluster: this.#clusters.get,
      telemetry,
      logAccess,
      clock,
      limits,
      random,
      node,
      timers,
      overload: state,
    }
    const bulk = createBulkMover()
    const makeHttpServer = options.createHttpServer ?? createHttpServer
    let reader: OriginalDestinationReader | undefined
    this.#listenerServices = {
      tls: this.#tls,
      budget,
      telemetry,
      clock,
      logAccess,
      sockets: options.sockets,
      drainTimeMs: options.drainTimeMs ?? DRAIN_TIME_MS,
      timers,
      overload: state,
      random,
      originalDestination: () => (reader ??= createOriginalDestinationReader()),
      createHttp: (manager) =>
        makeHttpServer({
          ...shared,
          manager,
          routeTable: (name) => this.#routeTables.get(name),
          onDemand: options.onDemand,
        }),
      createTcp: (config) => createTcpProxy({ ...shared, config, bulk }),
      createUdp: (config, listener) => new UdpProxy(shared, config, listener),
    }
  }

  putListener(config: ListenerConfig): Promise<Result<{ readonly port: number }, FieldFault>> {
    const before = this.#queues.get(config.name) ?? Promise.resolve()
    const done = before.then(() => this.#putListener(config))
    this.#queues.set(config.name, done)
    return done
  }

  removeListener(name: string, drainMs: number): void {
    const remove = (): void => {
      const listener = this.#listeners.get(name)
      if (listener === undefined) return
      this.#listeners.delete(name)
      void this.#draining.begin(listener, drainMs, idleTimeOf(drainMs))
    }
    const before = this.#queues.get(name)
    if (before === undefined) remove()
    else this.#queues.set(name, before.then(remove))
  }

  readonly putCluster: DataPlane['putCluster'] = (config) => this.#clusters.put(config)
  readonly removeCluster: DataPlane['removeCluster'] = (name) => this.#clusters.remove(name)
  readonly putEndpoints: DataPlane['putEndpoints'] = (config) => this.#clusters.putEndpoints(config)
  readonly warmingClusters: DataPlane['warmingClusters'] = () => this.#clusters.warming()
  readonly putRouteTable: DataPlane['putRouteTable'] = (table) => void this.#routeTables.set(table.name, table)
  readonly putSecret: DataPlane['putSecret'] = (secret) => void this.#secrets.put(secret)

  secretsComplete(): boolean {
    for (const { tls } of this.#tlsContexts()) if (!this.#tls.isComplete(tls)) return false
    return true
  }

  certificates(): readonly CertificatePair[] {
    return certificatePairs(this.#secrets, this.#tlsContexts())
  }

  *#tlsContexts(): Generator<{ readonly owner: string; readonly tls: ClientTlsConfig | ServerTlsConfig }> {
    for (const { name, tls, transportMatches } of this.#clusters.configs()) {
      for (const config of [tls, ...transportMatches.map((match) => match.tls)])
        if (config !== undefined) yield { owner: `cluster ${name}`, tls: config }
    }
    for (const { config } of this.#listeners.values()) {
      for (const chain of [...config.filterChains, config.defaultFilterChain])
        if (chain?.tls !== undefined) yield { owner: `listener ${config.name}`, tls: chain.tls }
    }
  }

  failHealthCheck(failed: boolean): void {
    this.#overload.state.failedHealthCheck = failed
  }

  drainInbound(timeoutMs: number): void {
    for (const [name, { config }] of this.#listeners)
      if (config.direction === 'inbound') this.removeListener(name, timeoutMs)
  }

  async drain(timeoutMs: number, idleMs = 0): Promise<void> {
    this.#state = 'draining'
    await Promise.allSettled(this.#queues.values())
    const listeners = [...this.#listeners.values()]
    await Promise.all(listeners.map((listener) => this.#draining.begin(listener, timeoutMs, idleMs)))
  }

  listeningSocket(wanted: SocketName): InheritedSocket | undefined {
    for (const { config, port, descriptor } of this.#listeners.values()) {
      const { protocol, name, address, port: configured } = config
      if (!isSameSocket(wanted, { protocol, name, address, port: configured })) continue
      const fd = descriptor()
      return fd < 0 ? undefined : { descriptor: fd, port }
    }
    return undefined
  }

  yieldPort(wanted: SocketName): void {
    for (const listener of this.#listeners.values()) {
      const { protocol, name, address, port } = listener.config
      if (protocol !== 'udp' || !isSameSocket(wanted, { protocol, name, address, port })) continue
      this.#yielded.push(listener.config)
      this.removeListener(name, 0)
    }
  }

  reclaimPorts(): void {
    for (const config of this.#yielded.splice(0)) void this.#reclaim(config)
  }

  describe(): ReturnType<DataPlane['describe']> {
    const all = this.#all()
    return {
      listeners: [...this.#listeners.values()].map(({ config, address, port, connections }) => ({
        name: config.name,
        address,
        port,
        connections,
      })),
      clusters: this.#clusters.describe(),
      routeTables: [...this.#routeTables.keys()],
      activeRequests: all.reduce((sum, { activeRequests }) => sum + activeRequests, 0),
      state: this.#state,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'draining'
    await Promise.allSettled(this.#queues.values())
    this.#overload.stop()
    const all = this.#all()
    this.#listeners.clear()
    // A listener that drains already is told again: the shorter time counts.
    await Promise.all(all.map((listener) => listener.drain(0)))
    await this.#draining.whenEmpty()
    this.#clusters.close()
    await this.#ownAccessLog?.[Symbol.asyncDispose]()
  }

  async #putListener(config: ListenerConfig): Promise<Result<{ readonly port: number }, FieldFault>> {
    const old = this.#listeners.get(config.name)
    if (old !== undefined && keepsSocket(old.config, config)) {
      const fault = old.reconfigure(config)
      return fault === undefined ? ok({ port: old.port }) : err(fault)
    }
    if (this.#state === 'draining') return err({ path: 'name', message: 'The proxy is draining' })
    if (config.protocol === 'udp') {
      const fault = this.#askForUdpPort(config)
      if (fault !== undefined) return err(fault)
      await this.#freeUdpPort(config)
    }
    const made = await this.#bind(config)
    if (!made.ok) return made
    this.#listeners.set(config.name, made.value)
    if (!this.#accepting) made.value.setAccepting?.(false)
    const { drainTimeMs } = this.#listenerServices
    if (old !== undefined) void this.#draining.begin(old, drainTimeMs, idleTimeOf(drainTimeMs))
    return ok({ port: made.value.port })
  }

  /** The port may be bound for a moment longer than its process was seen. */
  async #reclaim(config: ListenerConfig): Promise<void> {
    for (let tries = 0; tries < RECLAIM_TRIES; tries += 1) {
      if (this.#listeners.has(config.name) || (await this.putListener(config)).ok) return
      await new Promise((resolve) => setTimeout(resolve, RECLAIM_PAUSE_MS))
    }
  }

  /** The process before this one, if there is one, closes its own. */
  #askForUdpPort({ name, address, port }: ListenerConfig): FieldFault | undefined {
    const taken = this.#listenerServices.sockets?.take({ protocol: 'udp', name, address, port })
    return taken?.ok === false ? { path: 'address.socket_address', message: taken.error } : undefined
  }

  #followOverload(): void {
    this.#overload.onAcceptingChange = (stopped) => this.#setAccepting(!stopped)
    this.#overload.onTimeoutsReduced = () => {
      for (const listener of this.#all()) listener.onTimeoutsReduced?.()
    }
    this.#overload.start()
  }

  /** Listeners that serve and those that drain. */
  #all(): readonly ListenerRuntime[] {
    return [...new Set([...this.#listeners.values(), ...this.#draining.items()])]
  }

  #setAccepting(accepting: boolean): void {
    this.#accepting = accepting
    for (const listener of this.#listeners.values()) listener.setAccepting?.(accepting)
  }

  #bind(config: ListenerConfig): Promise<Result<ListenerRuntime, FieldFault>> | Result<ListenerRuntime, FieldFault> {
    if (config.protocol === 'tcp') return createTcpListener(config, this.#listenerServices)
    return config.udp === undefined ? createDnsListener(config) : createUdpListener(config, this.#listenerServices)
  }

  /**
   * One socket both receives and answers datagrams, so one that drains keeps its port: when the port is wanted again its last sessions end.
   * The same goes for a listener that changes from DNS to the UDP proxy.
   */
  async #freeUdpPort(config: ListenerConfig): Promise<void> {
    const named = this.#listeners.get(config.name)
    const all = named === undefined ? this.#draining.items() : [...this.#draining.items(), named]
    const holders = all.filter((listener) => listener.config.socketKey === config.socketKey && config.port !== 0)
    await Promise.all(holders.map((listener) => listener.drain(0)))
  }

  #isOwnListener(address: string, port: number): boolean {
    for (const listener of this.#listeners.values()) {
      if (listener.port !== port || listener.config.protocol !== 'tcp') continue
      if (listener.address === address) return true
      if ((listener.address === '0.0.0.0' || listener.address === '::') && isLocalAddress(address)) return true
    }
    return false
  }
}

/** Collects garbage and hands free pages back to the system. */
function shrinkHeap(): void {
  Bun.gc(true)
  Bun.shrink()
}

/** A change needs no new socket when the address stays; everything else is looked up per connection. */
function keepsSocket(old: ListenerConfig, next: ListenerConfig): boolean {
  if ((old.udp === undefined) !== (next.udp === undefined)) return false
  return old.protocol === next.protocol && old.address === next.address && old.port === next.port
}

function isLocalAddress(address: string): boolean {
  if (address.startsWith('127.') || address === '::1') return true
  return Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === address) === true)
}
