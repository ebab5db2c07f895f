/** Parts for the tests and the micro benchmark of this folder: a cluster without balancing, a manager, a server on a real port. */
import { systemAlarm, systemClock, TimerWheel } from '../../base/index.ts'
import { ignoringOwner, listenTcp, type SocketOwner, type StreamSocket } from '../../net/index.ts'
import { type AccessLogRecord, createTelemetry, type Telemetry } from '../../telemetry/index.ts'
import { emptyClusterStats } from '../cluster/cluster-stats.ts'
import type { ClusterRuntime, ConnectOutcome, EndpointRuntime, PendingTicket, PreviousHosts } from '../cluster/index.ts'
import { HostHealth } from '../health/index.ts'
import type { ClusterConfig, EndpointConfig, HttpManagerConfig } from '../config/index.ts'
import type { OnDemand } from '../data-plane.ts'
import { defaultLimits, type ProxyLimits } from '../limits.ts'
import type { DownstreamInfo } from '../network/index.ts'
import type { Decision, ForwardDecision, RequestView, RouteTable } from '../route/index.ts'
import type { HttpServer } from './contract.ts'
import { createHttpServer } from './http-server.ts'

/** A cluster whose endpoints are plain TCP ports of this machine, taken in turn. */
export class FakeCluster implements ClusterRuntime {
  readonly config: { -readonly [Field in keyof ClusterConfig]: ClusterConfig[Field] }
  activeRequests = 0
  pendingRequests = 0
  activeRetries = 0
  connections = 0
  readonly stats: ClusterRuntime['stats'] = emptyClusterStats()
  readonly endpoints: readonly FakeEndpoint[]
  readonly countResponse = (): void => undefined
  #next = 0

  constructor(ports: readonly number[], limits: Partial<ClusterConfig['limits']> = {}) {
    this.config = {
      name: 'up',
      discovery: 'static',
      edsName: 'up',
      endpoints: [],
      connectTimeoutMs: 1000,
      balancer: { kind: 'round-robin' },
      transportMatches: [],
      tls: undefined,
      limits: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3, ...limits },
      idleTimeoutMs: 60_000,
      maxRequestsPerConnection: 0,
      tcpKeepalive: undefined,
      dnsRefreshMs: 5000,
      destination: { host: 'up.default.svc.cluster.local', name: 'up', namespace: 'default' },
    }
    this.endpoints = ports.map((port) => new FakeEndpoint(this, port))
  }

  endpointAt(authority: string): EndpointRuntime | undefined {
    return this.endpoints.find((endpoint) => endpoint.authority === authority)
  }

  pick(previous?: PreviousHosts): EndpointRuntime | undefined {
    for (let turn = 0; turn < this.endpoints.length; turn += 1) {
      const endpoint = this.endpoints[this.#next++ % this.endpoints.length]
      if (endpoint === undefined || previous?.hosts.includes(endpoint) !== true) return endpoint
    }
    return this.endpoints[0]
  }
}

/** One TCP port. */
export class FakeEndpoint implements EndpointRuntime {
  readonly takeShared = (): undefined => undefined
  readonly config: EndpointConfig
  readonly cluster: FakeCluster
  readonly authority: string
  activeRequests = 0
  totalRequests = 0
  readonly mayConnect = true
  readonly availability = 'healthy'
  readonly series: EndpointRuntime['series'] = new Map()
  outlier: EndpointRuntime['outlier'] = undefined
  latency: EndpointRuntime['latency'] = undefined
  readonly health: HostHealth = new HostHealth(this)
  meshed = false
  peerSpiffeId = ''
  localSpiffeId = ''
  readonly udpSessions: EndpointRuntime['udpSessions'] = { open: () => 'unsupported', close: () => undefined }
  readonly idle: StreamSocket[] = []
  /** Who waits, each with a connection of its own: there is no limit here. */
  readonly waiting: Map<PendingTicket, { readonly cancel: () => void }> = new Map()
  /** Keeps dead sockets in the pool, as if the close had not been seen yet. */
  keepsDead = false
  readonly #owners = new WeakMap<StreamSocket, SocketOwner>()

  constructor(cluster: FakeCluster, port: number) {
    this.cluster = cluster
    this.authority = `127.0.0.1:${port}`
    this.config = {
      address: '127.0.0.1',
      port,
      weight: 1,
      health: 'healthy',
      transportLabels: new Map(),
      workload: { name: 'up-v1', namespace: 'default', canonicalService: 'up', canonicalRevision: 'v1', cluster: 'c' },
    }
  }

  takeIdle(): StreamSocket | undefined {
    const socket = this.idle.pop()
    const owner = socket === undefined ? undefined : this.#owners.get(socket)
    if (socket !== undefined && owner !== undefined) socket.data = owner
    return socket
  }

  putIdle(socket: StreamSocket): void {
    const drop = (): void => {
      const at = this.idle.indexOf(socket)
      if (at >= 0 && !this.keepsDead) this.idle.splice(at, 1)
      if (!this.keepsDead) socket.terminate()
    }
    const before = socket.data
    socket.data = { onData: drop, onDrain: () => undefined, onEnd: drop, onClose: drop }
    this.#owners.set(socket, before)
    this.idle.push(socket)
  }

  enqueue(ticket: PendingTicket): void {
    this.cluster.pendingRequests += 1
    const attempt = this.connect(ignoringOwner, (outcome) => {
      this.#leave(ticket)
      if (outcome.kind === 'failed') ticket.request.onConnectionFailed(outcome)
      else if (!ticket.request.onConnection(outcome.socket, true)) this.putIdle(outcome.socket)
    })
    this.waiting.set(ticket, attempt)
  }

  dequeue(ticket: PendingTicket): void {
    this.waiting.get(ticket)?.cancel()
    this.#leave(ticket)
  }

  #leave(ticket: PendingTicket): void {
    if (this.waiting.delete(ticket)) this.cluster.pendingRequests -= 1
  }

  connect(owner: SocketOwner, done: (outcome: ConnectOutcome) => void): { readonly cancel: () => void } {
    let cancelled = false
    const finish = (outcome: ConnectOutcome): void => {
      if (!cancelled) done(outcome)
      else if (outcome.kind === 'connected') outcome.socket.terminate()
    }
    void Bun.connect<SocketOwner>({
      hostname: '127.0.0.1',
      port: this.config.port,
      allowHalfOpen: true,
      data: ignoringOwner,
      socket: {
        open: (socket) => {
          socket.data = owner
          this.cluster.stats.upstream_cx_total += 1
          finish({ kind: 'connected', socket, peerSpiffeId: '', alpn: '' })
        },
        data: (socket, bytes) => socket.data.onData(socket, bytes),
        drain: (socket) => socket.data.onDrain(socket),
        end: (socket) => socket.data.onEnd(socket),
        close: (socket, error) => socket.data.onClose(socket, error),
        connectError: () => finish({ kind: 'failed', reason: 'refused', message: 'refused' }),
      },
    }).catch(() => undefined)
    return { cancel: () => (cancelled = true) }
  }
}

/** A manager with nothing special. */
const plainManager: HttpManagerConfig = {
  kind: 'http',
  statPrefix: 'test',
  routes: { kind: 'rds', name: 'routes' },
  serverName: 'envoy',
  idleTimeoutMs: 3_600_000,
  requestTimeoutMs: 300_000,
  requestHeadersTimeoutMs: 10_000,
  streamIdleTimeoutMs: 300_000,
  maxRequestHeadersBytes: 61_440,
  maxHeadersCount: 100,
  maxRequestsPerConnection: 0,
  useRemoteAddress: false,
  xffTrustedHops: 0,
  generateRequestId: true,
  normalizePath: true,
  mergeSlashes: true,
  escapedSlashes: 'keep',
  underscoreHeaders: 'allow',
  forwardClientCert: 'sanitize',
  filters: [],
  accessLogs: [],
  upgrades: [],
}

/** A forward decision with nothing special. */
export const plainForward: ForwardDecision = {
  kind: 'forward',
  route: { name: 'r', virtualHost: 'v', origin: undefined },
  cluster: 'up',
  pathRewrite: undefined,
  hostRewrite: undefined,
  requestEdits: undefined,
  responseEdits: undefined,
  timeoutMs: 15_000,
  idleTimeoutMs: undefined,
  retry: undefined,
  fault: undefined,
}

/** A wheel whose time passes when the test says so. */
export class ManualClock {
  #now = 0
  readonly timers: TimerWheel = new TimerWheel({
    clock: { now: () => this.#now, monotonic: () => this.#now },
    alarm: { set: () => undefined, clear: () => undefined },
  })

  /** Lets time pass and fires what is due. */
  pass(ms: number): void {
    this.#now += ms
    this.timers.advance()
  }
}

/** What a test changes. */
export interface FixtureOptions {
  readonly manager?: Partial<HttpManagerConfig>
  readonly decide?: (request: RequestView) => Decision
  readonly cluster?: ClusterRuntime
  readonly direction?: DownstreamInfo['direction']
  readonly info?: Partial<DownstreamInfo>
  readonly onDemand?: OnDemand
  readonly limits?: Partial<ProxyLimits>
  readonly random?: () => number
  readonly port?: number
  readonly timers?: TimerWheel
}

/** A server on a real port. */
export interface Fixture {
  readonly port: number
  readonly server: HttpServer
  readonly telemetry: Telemetry
  /** Copies of what was logged. */
  readonly logged: AccessLogRecord[]
  readonly stop: () => void
}

/** Starts a server on a free port of the loopback. */
export function startFixture(options: FixtureOptions = {}): Fixture {
  const telemetry = createTelemetry()
  const logged: AccessLogRecord[] = []
  const manager = { ...plainManager, ...options.manager }
  const decide = options.decide ?? (() => plainForward)
  const table: RouteTable = { name: 'routes', onDemand: false, decide }
  const server = createHttpServer({
    manager: () => manager,
    routeTable: () => table,
    cluster: () => options.cluster,
    onDemand: options.onDemand,
    telemetry,
    logAccess: (_config, record) => logged.push({ ...record }),
    clock: systemClock,
    random: options.random ?? Math.random,
    node: {
      id: 'node-1',
      name: 'client-1',
      namespace: 'default',
      workload: 'client',
      clusterId: 'c',
      labels: { app: 'client', version: 'v1' },
    },
    timers: options.timers ?? new TimerWheel({ clock: systemClock, alarm: systemAlarm }),
    limits: { ...defaultLimits, ...options.limits },
  })
  const listening = listenTcp({
    address: '127.0.0.1',
    port: options.port ?? 0,
    onGone: () => undefined,
    onAccept: (socket) => {
      socket.data = server.accept(socket, {
        remoteAddress: '127.0.0.1:40000',
        localAddress: '127.0.0.1:80',
        destinationAddress: '127.0.0.1:80',
        destinationPort: 80,
        direction: options.direction ?? 'outbound',
        tls: false,
        peerSpiffeId: '',
        localSpiffeId: '',
        serverName: '',
        alpn: '',
        ...options.info,
      })
    },
  })
  if (!listening.ok) throw listening.error
  return { port: listening.value.port, server, telemetry, logged, stop: listening.value.stop }
}
