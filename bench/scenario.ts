import type { Certificates } from './rig/certificates.ts'
import type { Pinned } from './rig/process.ts'

/** Names of the scenarios of `npm run bench`, in the order in which they run. */
export const scenarios = [
  'http1-plain',
  'http1-mtls-pair',
  'h2-tls-to-http1',
  'grpc-mtls-pair',
  'tcp',
  'fixed-rate-mtls-pair',
  'memory',
  'tls-handshake-full',
  'tls-handshake-resumed',
] as const

/** One of the scenarios. */
export type Scenario = (typeof scenarios)[number]

/** What a scenario asks of a proxy. */
export interface Setup {
  /** What the load and the backend speak; `h2-to-http1` is HTTP/2 from the load only, `grpc` is HTTP/2 all the way, `tcp` is passed through as it comes. */
  readonly protocol: 'http1' | 'h2-to-http1' | 'grpc' | 'tcp'
  /** Where load comes in. */
  readonly listenPort: number
  /** With these the load comes in over TLS 1.3, without a client's certificate; else in plain text. */
  readonly tls: Certificates | undefined
  /** Second proxy of a pair: listens here with mTLS; absent in scenarios with one proxy. */
  readonly pair: { readonly port: number; readonly certificates: Certificates } | undefined
  readonly backendPort: number
  /** A folder for configuration files. */
  readonly folder: string
  /** Core that the proxies are pinned to. */
  readonly core: number
  /** Weft writes a profile of its CPU time into this folder when it ends. */
  readonly profileFolder?: string | undefined
}

/** A proxy that can be put into the rig. */
export interface Contender {
  readonly name: string
  /** Undefined when it can run this scenario here; else how to install it. */
  readonly missing: (scenario: Scenario) => string | undefined
  readonly version: () => string
  /** Starts one process for a scenario with one proxy, two for a pair: client side, then server side. */
  readonly start: (setup: Setup) => readonly Pinned[]
}
