import type { Certificates } from './rig/certificates.ts'
import type { Pinned } from './rig/process.ts'

/** What a scenario asks of a proxy. */
export interface Setup {
  /** What the load speaks; `tcp` is passed through as it comes. */
  readonly protocol: 'http' | 'tcp'
  /** Where load comes in, plain text. */
  readonly listenPort: number
  /** Second proxy of a pair: listens here with mTLS; absent in scenarios with one proxy. */
  readonly pair: { readonly port: number; readonly certificates: Certificates } | undefined
  readonly backendPort: number
  /** A folder for configuration files. */
  readonly folder: string
  /** Core that the proxies are pinned to. */
  readonly core: number
}

/** A proxy that can be put into the rig. */
export interface Contender {
  readonly name: string
  /** Undefined when it can run here; else how to install it. */
  readonly missing: (scenario: Scenario) => string | undefined
  readonly version: () => string
  /** Starts one process for a plain scenario, two for a pair. */
  readonly start: (setup: Setup) => readonly Pinned[]
}

/** Names of the scenarios of `npm run bench`. */
export const scenarios = ['http1-plain', 'http1-mtls-pair', 'tcp'] as const

/** One of the scenarios. */
export type Scenario = (typeof scenarios)[number]
