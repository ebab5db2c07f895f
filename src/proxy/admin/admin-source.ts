import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { ReceivedResource } from '../../xds/client/index.ts'
import type { DataPlaneDescription } from '../data-plane.ts'
import type { CertificatePair } from '../tls/index.ts'

/** Envoy's names of what a server is doing. */
export type ServerState = 'INITIALIZING' | 'LIVE' | 'DRAINING'

/** What the admin interface shows and does. */
export interface AdminSource {
  readonly state: () => ServerState
  /** What keeps the proxy from being ready. */
  readonly waiting: () => readonly string[]
  /** Prometheus text of all instruments. */
  readonly metrics: () => string
  readonly resetCounters: () => void
  readonly describe: () => DataPlaneDescription
  /** What came by xDS and was accepted. */
  readonly resources: () => readonly ReceivedResource[]
  /** The bootstrap as protobuf JSON with proto field names, read anew at each call. */
  readonly bootstrap: () => JsonObject
  /** Certificates and trust in use, without keys. */
  readonly certificates: () => readonly CertificatePair[]
  /** Node, version and command line. */
  readonly info: () => Readonly<Record<string, JsonValue>>
  readonly uptimeSeconds: () => number
  readonly log: AdminLog
  /** Stops taking new work; answers at once. `inboundOnly`: only on listeners of that direction. */
  readonly drain: (inboundOnly: boolean) => void
  /** `/ready` fails and responses end their connections, until it is taken back. */
  readonly failHealthCheck: (failed: boolean) => void
  /** Drains and ends the process's work; answers at once. */
  readonly quit: () => void
}

/** Levels of the proxy's own log. */
export interface AdminLog {
  readonly levels: () => ReadonlyMap<string, string>
  /** Changes one logger, or all; false when logger or level is not known. */
  readonly setLevel: (logger: string | undefined, level: string) => boolean
}

/** Answers one path. */
export type AdminHandler = (source: AdminSource, query: URLSearchParams) => Response
