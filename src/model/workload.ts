import type { Origin } from '../resources/index.ts'

/** One running instance of an application with its proxy (or a WorkloadEntry without one). */
export interface Workload {
  /** Unique in the mesh: the node id of its proxy. */
  readonly id: string
  readonly namespace: string
  /** Name of the owning deployment, for metrics: `reviews-v2`. */
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly serviceAccount: string
  /** Full SPIFFE id. */
  readonly spiffeId: string
  readonly address: string
  readonly ports: readonly WorkloadPort[]
  readonly weight: number
  /** `true` when its proxy terminates mTLS; `false` for a plain WorkloadEntry. */
  readonly meshed: boolean
  /** Only `ready` workloads get traffic; `draining` ones are sent to proxies as draining so that nothing new reaches them. */
  readonly health: 'starting' | 'ready' | 'draining'
  /** Loopback or 0.0.0.0 address that its proxy listeners bind, and their ports. Absent on an unmeshed workload. */
  readonly proxy?: ProxyPlacement
  readonly createdAt: string
  readonly origin: Origin
}

/**
 * A port of a workload. A service port finds it by its numeric target port in `port`, or by its name (of the target port, or of the
 * service port itself). A workload without a proxy whose ports name none is reached on the numeric target port.
 */
export interface WorkloadPort {
  /** The port that services target, as the application declares it to the mesh (`--port 9080`). */
  readonly port: number
  readonly name: string
  /** Where the application listens on its own loopback. */
  readonly applicationPort: number
  /** Where other proxies reach it: the inbound listener's port of its proxy, or the application itself when unmeshed. */
  readonly meshPort: number
  /** Overrides what the service says, when the workload was started with a protocol. */
  readonly protocol?: 'http1' | 'http2' | 'grpc' | 'tcp'
}

/** Where the listeners of a workload's proxy bind. */
export interface ProxyPlacement {
  /** Address that inbound listeners bind, `127.0.0.1` on one machine. */
  readonly inboundAddress: string
  /** Port of the outbound HTTP proxy listener on 127.0.0.1. */
  readonly httpProxyPort: number
  /** Port of the transparent outbound listener, when the workload was started with `--transparent`. */
  readonly transparentPort?: number
  /** Port of the DNS listener (UDP, 127.0.0.1), when transparent. */
  readonly dnsPort?: number
  /** Loopback ports of TCP upstreams: host to port to loopback port, chosen by `weft run`. */
  readonly tcpUpstreams: readonly TcpUpstream[]
}

/** One outbound TCP service made reachable on a loopback port. */
export interface TcpUpstream {
  readonly host: string
  readonly port: number
  readonly loopbackPort: number
}
