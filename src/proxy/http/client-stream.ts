import type { AccessLogRecord, EdgeSeries } from '../../telemetry/index.ts'
import type { BodyFraming, Head } from '../../wire/http1/index.ts'
import type { ClusterRuntime } from '../cluster/index.ts'
import type { RbacEngine, RbacVerdict } from '../filters/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import type { PeerMetadata } from './peer-metadata.ts'
import type { LocalReply } from './response-writer.ts'

/** An accepted connection as the exchanges on it see it: whom it comes from. */
export interface ClientConnection {
  readonly info: DownstreamInfo
  /** Requests come from the proxy's own application. */
  readonly trusted: boolean
  /** `ip:port` that the client meant to reach. */
  readonly originalDestination: string
  /** Metadata of the peer; stays for the connection's life once it was sent. */
  peer: PeerMetadata | undefined
  /** Series of the last inbound edge and the cluster that it leads to. */
  series: EdgeSeries | undefined
  seriesCluster: ClusterRuntime | undefined
  /** The series is that of calls of gRPC. */
  seriesGrpc: boolean
  /** Rules that ask for nothing but the connection, asked last, and what they said. */
  rbac: RbacEngine | undefined
  rbacVerdict: RbacVerdict | undefined
}

/**
 * The client's side of one exchange, in whatever version of HTTP it speaks. The response is told in order: `interim` any number of
 * times, `head`, `data`, `end`; or `reply`; or `startTunnel`, `data`. What was told is on its way after `flush`.
 */
export interface ClientStream {
  /** As access logs name it. */
  readonly protocol: AccessLogRecord['protocol']
  /** No more of the request's body is wanted for now; what is under way still comes. */
  readonly pause: () => void
  readonly resume: () => void
  /** Something moved: the stream idle timeout starts anew. */
  readonly touch: (now: number) => void
  /** A `1xx` response other than 101. */
  readonly interim: (head: Head) => void
  /** The final response's head, and how its body was framed. */
  readonly head: (head: Head, framing: BodyFraming) => void
  /** A piece of the body, or of a tunnel. The bytes may be reused after the call. */
  readonly data: (bytes: Uint8Array, start: number, end: number) => void
  /** The body is over. `trailers`: field lines as they came. */
  readonly end: (trailers: Buffer | undefined) => void
  /** Sends what was told; false when the client is slow: its source must pause until the leg's `resume`. */
  readonly flush: () => boolean
  /** Answers in the proxy's own name, whole. */
  readonly reply: (reply: LocalReply) => void
  /** The upstream agreed to an upgrade (101) or to CONNECT: bytes go both ways from here on. */
  readonly startTunnel: (head: Head) => void
  /** The upstream of a tunnel has nothing more to say. */
  readonly endTunnel: () => void
  /** The exchange is over. `clean`: its response was sent whole, otherwise it must end so that the client can tell. */
  readonly finished: (clean: boolean, now: number) => void
}
