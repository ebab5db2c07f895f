import type { JsonObject } from '@bufbuild/protobuf'
import type { Origin } from '../../resources/index.ts'
import type { XdsSnapshot } from '../resource.ts'

/** What one proxy should hold from now on. */
export interface SnapshotUpdate {
  readonly snapshot: XdsSnapshot
  /** Store revision that the snapshot was compiled from; reported back as `acknowledgedRevision`. */
  readonly revision: number
  /**
   * The authorities (`reviews:9080`, lower case) that the snapshot answers. A virtual host that was asked for and is
   * neither in the snapshot nor in this set stays unanswered, since a later snapshot may hold it. Absent: the
   * snapshot answers everything.
   */
  readonly authorities?: ReadonlySet<string>
}

/** A refused update, as the client reported it. */
export interface Rejection {
  readonly typeUrl: string
  /** Names that the client named as bad; all names of the response when it named none. */
  readonly resources: readonly string[]
  readonly message: string
  /** The users' objects that shaped these resources. */
  readonly origins: readonly Origin[]
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** `synced`: all acknowledged; `sent`: an answer or a push is under way; `rejected`: a current version was refused. */
export type TypeSyncState = 'synced' | 'sent' | 'rejected' | 'not-subscribed'

/** Where one stream stands. */
export interface StreamState {
  /** One entry for each type of the push order, and for other types that the client asked for. */
  readonly types: readonly {
    readonly typeUrl: string
    /** Resources that the client acknowledged and still holds. */
    readonly resources: number
    readonly state: TypeSyncState
  }[]
  /** Highest revision whose snapshot is wholly acknowledged; -1: none yet. Never falls. */
  readonly acknowledgedRevision: number
  /** Refusals of versions that are still current; empty when all is well. */
  readonly rejections: readonly Rejection[]
}

/** The node of the first request. */
export interface NodeInfo {
  readonly id: string
  readonly cluster: string
  readonly metadata: JsonObject
  /** For example `envoy/1.40.0`; empty when not sent. */
  readonly userAgent: string
}

/** Who the peer proved to be by its certificate. */
export interface PeerIdentity {
  /** The only URI SAN; empty when the certificate has none or several. */
  readonly spiffeId: string
  /** Serial number, hexadecimal. */
  readonly serialNumber: string
}

/** One open ADS stream, seen from the control plane. */
export interface AdsClient {
  /** Unique in the process; a reconnecting proxy gets a new one. */
  readonly streamId: number
  readonly node: NodeInfo
  readonly identity: PeerIdentity
  /** False: state of the world; such a client cannot subscribe to virtual hosts on demand. */
  readonly delta: boolean
  /** Milliseconds since the epoch. */
  readonly connectedAt: number
  /** Replaces what the proxy should hold; only differences are sent. Does nothing once the stream has ended. */
  readonly setSnapshot: (update: SnapshotUpdate) => void
  readonly state: () => StreamState
  /** Authorities asked for by VHDS and not given up. */
  readonly authorities: () => ReadonlySet<string>
  /** Ends the stream; the proxy reconnects with backoff. */
  readonly close: (reason: string) => void
}

/** Whether a proxy may have configuration. The message of a refusal is shown to the peer. */
export type Admission = { readonly accept: true } | { readonly accept: false; readonly message: string }

/** What the control plane does for the ADS server. Called synchronously; must not throw. */
export interface AdsCallbacks {
  /** First request of a stream: is this node this identity? After acceptance the control plane calls `setSnapshot` when it has one. */
  readonly onConnect: (client: AdsClient) => Admission
  /** The set of authorities changed: compile again and call `setSnapshot` with that set. */
  readonly onInterest: (client: AdsClient, authorities: ReadonlySet<string>) => void
  /** An ACK or NACK arrived. */
  readonly onState: (client: AdsClient, state: StreamState) => void
  /** An accepted stream ended, for whatever reason; called once. */
  readonly onDisconnect: (client: AdsClient) => void
}

/** Certificate of the server and whom it trusts, PEM. */
export interface ServerIdentity {
  readonly certificateChain: string
  readonly privateKey: string
  /** Client certificates must chain to one of these. */
  readonly trustBundle: string
}

/** Limits and addresses of an ADS server. */
export interface AdsServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly identity: ServerIdentity
  readonly callbacks: AdsCallbacks
  /** Answers `weft.ca.v1.CertificateService/Renew`; absent: the method is not served. */
  readonly renew?: RenewHandler
  /** Longest time that a push waits for an acknowledgement before the next type is sent anyway; 5 s by default. */
  readonly sequenceTimeoutMs?: number
  /** Time between keepalive pings; 30 s by default. */
  readonly keepaliveMs?: number
}

/** Issues a renewed certificate for the identity that the peer already proved. */
export type RenewHandler = (
  identity: PeerIdentity,
  request: { readonly csr: string },
) => Promise<{ readonly certificateChain: string; readonly trustBundle: string }>

/** A running ADS server; disposing it ends all streams. */
export interface AdsServer extends AsyncDisposable {
  readonly port: number
  /** New connections get the new certificate and are checked against the new bundle; open streams live on. */
  readonly setIdentity: (identity: ServerIdentity) => void
  readonly clients: () => readonly AdsClient[]
}
