import type { Result } from '../base/index.ts'
import type { ClusterDescription } from './cluster/index.ts'
import type { ClusterConfig, EndpointsConfig, FieldFault, ListenerConfig, Secret } from './config/index.ts'
import type { InheritedSocket, SocketName } from '../net/index.ts'
import type { CertificatePair } from './tls/index.ts'
import type { RouteTable } from './route/index.ts'

/**
 * The running half of the proxy: sockets, connections and pools. It is driven with compiled configuration and swaps it
 * by assignment; requests in flight finish on the old one. Made by `createDataPlane`, driven by the live configuration
 * (`live/`), which owns warming, ordering and last-good persistence.
 */
export interface DataPlane extends AsyncDisposable {
  /** Binds a new listener, or replaces the configuration of one without dropping a connection. A failed bind leaves the old one serving. */
  readonly putListener: (config: ListenerConfig) => Promise<Result<{ readonly port: number }, FieldFault>>
  /** Stops accepting, drains for at most `drainMs`, closes. */
  readonly removeListener: (name: string, drainMs: number) => void
  readonly putCluster: (config: ClusterConfig) => void
  readonly removeCluster: (name: string) => void
  /** Names of clusters that take no requests yet: their endpoints have not all been checked once. */
  readonly warmingClusters: () => readonly string[]
  readonly putEndpoints: (config: EndpointsConfig) => void
  /** Replaces the route table that connection managers with `rds` of this name use. */
  readonly putRouteTable: (table: RouteTable) => void
  /** New connections use it; those that are open live on. */
  readonly putSecret: (secret: Secret) => void
  /** True when every secret that clusters and listeners name is there. */
  readonly secretsComplete: () => boolean
  /** Stops new work politely (`Connection: close`), waits for what runs, at most `timeoutMs`; idle connections stay for `idleMs` (0). */
  readonly drain: (timeoutMs: number, idleMs?: number) => Promise<void>
  /** The socket that a listener accepts from, for another process to take over; it stays open here. Undefined: there is no such. */
  readonly listeningSocket: (name: SocketName) => InheritedSocket | undefined
  /** Closes a UDP listener so that a successor can bind its port: its datagrams need no connection, and clients ask again. */
  readonly yieldPort: (name: SocketName) => void
  /** Opens what was yielded again: the successor failed. */
  readonly reclaimPorts: () => void
  /** Removes the listeners whose `traffic_direction` is INBOUND, as `removeListener` does. */
  readonly drainInbound: (timeoutMs: number) => void
  /** `/healthcheck/fail`: responses end their connections until it is taken back. */
  readonly failHealthCheck: (failed: boolean) => void
  /** Certificates and trust that listeners and clusters use now, without keys. */
  readonly certificates: () => readonly CertificatePair[]
  /** For the admin interface. */
  readonly describe: () => DataPlaneDescription
}

/** Asks for a virtual host that the route table does not hold. */
export interface OnDemand {
  /**
   * Subscribes to `http_proxy/<domain>`-like resources. `done` is called once: when the route table holds the host
   * (`found`), when the control plane said there is none, or after 15 s (both `absent`).
   */
  readonly request: (routeTable: string, domain: string, done: (outcome: 'found' | 'absent') => void) => void
}

/** Counts for `/clusters`, `/listeners`, `/server_info`. */
export interface DataPlaneDescription {
  readonly listeners: readonly {
    readonly name: string
    readonly address: string
    readonly port: number
    readonly connections: number
  }[]
  readonly clusters: readonly ClusterDescription[]
  readonly routeTables: readonly string[]
  readonly activeRequests: number
  readonly state: 'serving' | 'draining'
}
