import type { InheritedSocket, SocketName, SocketSource } from '../net/index.ts'
import type { BootstrapSource } from './load-bootstrap.ts'

/** How a proxy is run. */
export type RunProxyOptions = BootstrapSource & ProxyProcessOptions

/** All but the bootstrap. */
export interface ProxyProcessOptions {
  /** Keeps identity and last accepted configuration over restarts; absent: nothing is kept. */
  readonly stateDir?: string
  /** Identity that the proxy gets from the control plane; absent: certificates are in the bootstrap, or there are none. */
  readonly identity?: {
    readonly spiffeId: string
    /** Base of the REST API that signs the first certificate. */
    readonly caUrl: string
    readonly caFile: string
    /** Removed after use; absent: there must be a valid certificate in `stateDir`. */
    readonly joinTokenFile?: string
  }
  /** How long requests in flight may take at the end, milliseconds. */
  readonly drainMs: number
  /**
   * How long connections may go on whose listener was removed or moved, whose filter chain left, or whose process has a successor,
   * milliseconds; 600,000 by default (Envoy `--drain-time-s`).
   */
  readonly drainTimeMs?: number
  /** Where listening sockets are taken over from: the process that this one succeeds, or the supervisor of this worker. */
  readonly sockets?: SocketSource
  /** The admin interface answers on this Unix socket, not on the bootstrap's address: the proxy is a worker. */
  readonly adminSocket?: string
  /** Another process renews the identity and keeps the last good configuration: this one only reads what is in `stateDir`. */
  readonly followsState?: boolean
  /** Aborting it drains and ends the proxy. */
  readonly signal: AbortSignal
  /** Where lines about the proxy itself go; standard error by default. */
  readonly log?: (text: string) => void
}

/** A running proxy. */
export interface RunningProxy {
  /** 0: the bootstrap has no `admin`. */
  readonly adminPort: number
  /** All listeners serve; what `GET /ready` answers. */
  readonly isReady: () => boolean
  /** What keeps it from being ready. */
  readonly waiting: () => readonly string[]
  /** Resolves with true when all listeners serve and the admin interface is up; false when it ended before. */
  readonly ready: Promise<boolean>
  /** The socket of a listener, or of the admin interface, for a successor; it stays this process's own as well. */
  readonly listeningSocket: (name: SocketName) => InheritedSocket | undefined
  /** A successor ended before it was ready: ports that were closed for it are opened again. */
  readonly reclaimPorts: () => void
  /** A successor serves: stops accepting and lets connections end within `drainTimeMs`, without closing one under a request. */
  readonly handOver: () => void
  /** Resolves when the proxy has drained and closed, after `signal` or `POST /quitquitquit`. */
  readonly done: Promise<void>
}
