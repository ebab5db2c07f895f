import type { ClusterConfig, EndpointConfig } from '../config/index.ts'
import { endpointTransport } from './transport.ts'

/** Who is told that a session has lost its host. Must not throw. */
export interface UdpSessionOwner {
  /** The endpoint left its cluster, or the cluster is gone. It has given its place back already. */
  readonly onHostGone: () => void
}

/** Why a UDP session may not be opened. */
export type UdpRefusal =
  /** The cluster has as many connections and sessions as `max_connections`, or the process no file descriptor left. */
  | 'overflow'
  /** The endpoint is to be spoken to by TLS, or by a pipe: its datagrams are never sent in plain text instead. */
  | 'unsupported'

/** The UDP sessions that go to one endpoint. */
export interface UdpSessions {
  /** Takes a place for a session; gives a reason when there is none. */
  readonly open: (owner: UdpSessionOwner) => UdpRefusal | undefined
  /** Gives the place back. Does nothing when `onHostGone` was called. */
  readonly close: (owner: UdpSessionOwner) => void
}

/** What sessions of an endpoint are counted in. */
export interface UdpSessionPlaces {
  readonly config: () => EndpointConfig
  readonly cluster: () => ClusterConfig
  /** Counts one more connection of the cluster and takes a file descriptor; false when there is none. */
  readonly take: () => boolean
  readonly give: () => void
}

/** Sessions of one endpoint, which outlive updates that keep it and end with it. */
export class EndpointUdpSessions implements UdpSessions {
  readonly #places: UdpSessionPlaces
  readonly #owners = new Set<UdpSessionOwner>()

  constructor(places: UdpSessionPlaces) {
    this.#places = places
  }

  open(owner: UdpSessionOwner): UdpRefusal | undefined {
    const config = this.#places.config()
    const { tls, proxyProtocol } = endpointTransport(this.#places.cluster(), config)
    if (config.address.startsWith('/') || tls !== undefined || proxyProtocol !== undefined) return 'unsupported'
    if (!this.#places.take()) return 'overflow'
    this.#owners.add(owner)
    return undefined
  }

  close(owner: UdpSessionOwner): void {
    if (this.#owners.delete(owner)) this.#places.give()
  }

  /** The endpoint is gone, and so are its sessions. */
  endAll(): void {
    for (const owner of [...this.#owners]) {
      this.close(owner)
      owner.onHostGone()
    }
  }
}
