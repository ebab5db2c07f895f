import type { StreamSocket, SocketOwner } from '../../net/index.ts'
import type { EdgeSeries } from '../../telemetry/index.ts'
import type { PeakLatency } from '../balance/index.ts'
import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import type { CheckSession, HostHealth, HostMonitor } from '../health/index.ts'
import type { SubsetMatch } from '../route/index.ts'
import type { ProxyHeader } from '../../wire/proxy-protocol/index.ts'
import type { MultiplexedConnection } from './multiplexed-connection.ts'
import type { PendingTicket } from './pending-queue.ts'
import type { UdpSessions } from './udp-sessions.ts'

/** A cluster at run time: endpoints, balancer, limits and pools. Lives as long as its name is configured; configuration is swapped inside. */
export interface ClusterRuntime {
  readonly config: ClusterConfig
  /**
   * Chooses an endpoint; undefined when none may be taken. With consistent hashing `hash` decides, and chance without one; `subset` is the
   * route's `metadata_match`.
   */
  readonly pick: (
    previous: PreviousHosts | undefined,
    originalDestination: string,
    hash?: bigint,
    subset?: SubsetMatch,
  ) => EndpointRuntime | undefined
  /** The endpoint of this address (`ip:port`) if it is one of the cluster and may take requests. */
  readonly endpointAt: (authority: string) => EndpointRuntime | undefined
  /** Requests that have a connection; circuit breaker state, counted by the data path. */
  activeRequests: number
  /** Requests that wait for a connection; counted by the endpoints' queues, nobody else writes it. */
  readonly pendingRequests: number
  activeRetries: number
  /** Open or opening; counted by the pools, nobody else writes it. */
  readonly connections: number
  /** `upstream_rq_pending_overflow` and friends, for /clusters and metrics. */
  readonly stats: ClusterStats
  /** False when the endpoint has no connection and as many others as `max_connection_pools` have some; counted then. Absent: always true. */
  readonly admitsPool?: (endpoint: EndpointRuntime) => boolean
  /** Counts what a request that was routed here ended with, as `upstream_rq_xx`. */
  readonly countResponse: (status: number) => void
}

/** Endpoints that a request was sent to already and would rather not be sent to again (Envoy `previous_hosts`). */
export interface PreviousHosts {
  readonly hosts: readonly EndpointRuntime[]
  /**
   * How often the balancer is asked again when it names one of them (`host_selection_retry_max_attempts`); what it names last is
   * taken. Absent: one of them is taken only when there is no other.
   */
  readonly attempts?: number
}

/** Counters of one cluster, Envoy's names without prefix; exported by telemetry as `envoy_cluster_<name>`. */
export interface ClusterStats {
  upstream_cx_total: number
  upstream_cx_connect_fail: number
  upstream_cx_connect_timeout: number
  upstream_cx_overflow: number
  /** Requests whose endpoint had no connection and was not let have one, by `max_connection_pools`. */
  upstream_cx_pool_overflow: number
  /** Requests that got a connection. */
  upstream_rq_total: number
  /** Requests that had to wait for one. */
  upstream_rq_pending_total: number
  upstream_rq_pending_overflow: number
  /** Waited, and no connection could be had. */
  upstream_rq_pending_failure_eject: number
  upstream_rq_retry: number
  upstream_rq_retry_success: number
  upstream_rq_retry_overflow: number
  upstream_rq_timeout: number
  upstream_rq_per_try_timeout: number
  /** Endpoints chosen without regard to their health. */
  lb_healthy_panic: number
}

/** One endpoint of a cluster at run time. Survives endpoint updates that keep its address. */
export interface EndpointRuntime {
  readonly config: EndpointConfig
  readonly cluster: ClusterRuntime
  /** `ip:port`, for logs. */
  readonly authority: string
  activeRequests: number
  totalRequests: number
  /** Edge series cached by the HTTP and TCP layers: key is theirs, bounded by the number of distinct peers. */
  readonly series: Map<string, EdgeSeries>
  /** May it take new work, as far as is known: degraded ones when healthy ones cannot take all. */
  readonly availability: 'healthy' | 'degraded' | 'unhealthy'
  /** Is told what requests and connections end with; undefined when the cluster has no outlier detection. */
  readonly outlier: HostMonitor | undefined
  /** Is told how long answers take; undefined unless the cluster balances by peak EWMA. */
  readonly latency?: PeakLatency | undefined
  /** Says whether it may take new work, and why not. */
  readonly health: HostHealth
  /** Its active health checks; undefined when there are none. Is told when a response says that the endpoint must get no more. */
  readonly checks?: CheckSession | undefined
  /** TCP sessions that end when the endpoint becomes unhealthy (Envoy `close_connections_on_host_health_failure`); they come and go by themselves. */
  readonly boundSessions?: Set<{ readonly abort: () => void }>
  /** The connection speaks mTLS to a proxy of the mesh (its TLS has a client certificate and an ALPN that begins with `istio`). */
  readonly meshed: boolean
  /** SPIFFE id that it proved when it was last connected to; empty when none. */
  readonly peerSpiffeId: string
  /** Own SPIFFE id, by which this proxy proved itself when it last connected; empty when by none. */
  readonly localSpiffeId: string
  /**
   * Most recently used idle connection, removed from the pool; undefined when there is none. Its `socket.data` is again the owner that it
   * had at `putIdle` (so counts of requests per connection can live there); the taker may set another.
   */
  readonly takeIdle: () => StreamSocket | undefined
  /** The endpoint says how long it keeps idle connections (`Keep-Alive: timeout`), ms. */
  readonly announceKeepAlive?: (timeoutMs: number) => void
  /** True when the connection is over and provably nothing of what was sent reached anybody: see {@link SentRequest}. */
  readonly provesUnreached?: (socket: StreamSocket, sent: SentRequest) => boolean
  /** A connection that many requests share and that takes one more; undefined when there is none, or the endpoint is spoken to in HTTP/1.1. */
  readonly takeShared: () => MultiplexedConnection | undefined
  /**
   * Gives a clean keep-alive connection back. It goes to the request that has waited longest, during this call; if none waits, the
   * pool owns it until the next `takeIdle` and closes it when it idles too long or the peer closes or speaks.
   */
  readonly putIdle: (socket: StreamSocket) => void
  /**
   * Waits for a connection, one that becomes free or a new one; asked for when `takeIdle` had none. One is opened if there are more
   * requests waiting than connections opening and the limit of the cluster allows it, or the endpoint has none at all. The
   * request is told exactly once, never before this returns, unless it leaves by `dequeue`. A connection whose request left meanwhile stays for others.
   */
  readonly enqueue: (ticket: PendingTicket) => void
  /** Waits no more; nothing happens when the ticket is in no queue. */
  readonly dequeue: (ticket: PendingTicket) => void
  /** The limit of the cluster's connections allows one more here; otherwise `connect` fails as overflow. */
  readonly mayConnect: boolean
  /**
   * Opens a new connection for one owner, not for the queue (TCP, and TLS with the peer verified, before `done`). Exactly one call of `done`; `cancel` of the
   * returned handle prevents it. Respects `connectTimeoutMs` and the connection limit. `done` is never called before this returns,
   * and on success `socket.data` is `owner` already. Counts `connections` and the `upstream_cx_*` stats. Where the endpoint is to
   * have a PROXY protocol header, it fails without `extras.conveyed`, and so do requests of the queue, whose connections are nobody's own.
   */
  readonly connect: (
    owner: SocketOwner,
    done: (outcome: ConnectOutcome) => void,
    extras?: ConnectExtras,
  ) => { readonly cancel: () => void }
  /** UDP sessions to it; each counts as a connection of the cluster. */
  readonly udpSessions: UdpSessions
}

/** What a connection may be given beside what the cluster says. */
export interface ConnectExtras {
  readonly conveyed?: ConveyedEnds
}

/** Who speaks to whom on the connection that another one is opened for; a PROXY protocol header says it to the endpoint. */
export type ConveyedEnds = NonNullable<ProxyHeader['ends']>

/** What was sent of a request on its connection when that ended. */
export interface SentRequest {
  /** Octets that the socket took, before TLS. */
  readonly taken: number
  /** In so many writes. */
  readonly writes: number
  /** The first write was refused: the socket was closed already. */
  readonly refused: boolean
}

/** How a connection attempt ended. */
export type ConnectOutcome =
  | {
      readonly kind: 'connected'
      readonly socket: StreamSocket
      readonly peerSpiffeId: string
      /** SPIFFE id of the certificate that we showed; empty or absent when there is none. */
      readonly localSpiffeId?: string
      /** The socket speaks no TLS; absent when it does or that is not known. */
      readonly plain?: boolean
      /** Protocol that the TLS handshake agreed on (ALPN); empty when none, or without TLS. Of a pooled socket `negotiatedProtocol` tells it. */
      readonly alpn: string
    }
  | {
      readonly kind: 'failed'
      /** `overflow`: the circuit breaker of connections is open. `tls`: the peer is not who it must be. */
      readonly reason: 'refused' | 'timeout' | 'tls' | 'overflow' | 'unreachable'
      readonly message: string
    }
