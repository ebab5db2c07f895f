import type { Origin } from '../resources/index.ts'

/** Application protocol of a port, as declared by `appProtocol`, the port's name prefix or a ServiceEntry. */
export type Protocol = 'http1' | 'http2' | 'grpc' | 'tcp' | 'tls' | 'udp'

/** One port of a service. */
export interface ServicePort {
  readonly number: number
  readonly name: string
  readonly protocol: Protocol
  /** Port that the workload listens on; a number, or the name of a container port. Defaults to `number`. */
  readonly targetPort: number | string
}

/** Something that can be called by a host name. */
export interface Service {
  /**
   * Fully qualified host: `reviews.default.svc.cluster.local`, or the host of a ServiceEntry. Shorter names that mean the
   * same (`reviews`, `reviews.default`) are the compiler's to derive from `name` and `namespace`.
   */
  readonly host: string
  readonly namespace: string
  readonly name: string
  readonly ports: readonly ServicePort[]
  /** Labels that select its workloads; empty selects none. */
  readonly selector: ReadonlyMap<string, string>
  /**
   * `endpoints`: workloads by selector (and `staticEndpoints`); `dns`: resolve `staticEndpoints` addresses, or the host
   * itself, and use every address; `dns-round-robin`: the same, one address for each new connection.
   */
  readonly resolution: 'endpoints' | 'dns' | 'dns-round-robin'
  readonly location: 'mesh' | 'external'
  /** Endpoints written in the object itself (ServiceEntry.endpoints). */
  readonly staticEndpoints: readonly StaticEndpoint[]
  /** Virtual addresses (a cluster IP or ServiceEntry.addresses); empty: the compiler allocates one where it needs it. */
  readonly addresses: readonly string[]
  /** Namespaces that may see it: `*` all, `.` its own. */
  readonly exportTo: readonly string[]
  /** Identities that its workloads may present, empty: those of its workloads' service accounts. */
  readonly subjectAltNames: readonly string[]
  /** RFC 3339 or the store's revision, for "oldest wins"; compared as text. */
  readonly createdAt: string
  readonly origin: Origin
}

/** An endpoint written by hand. */
export interface StaticEndpoint {
  readonly address: string
  /** Port name to number; empty: the service's target port. */
  readonly ports: ReadonlyMap<string, number>
  readonly labels: ReadonlyMap<string, string>
  readonly weight: number
  readonly serviceAccount?: string
}
