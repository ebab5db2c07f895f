import type { Mesh, Workload } from '../model/index.ts'
import type { Origin } from '../resources/index.ts'
import type { XdsSnapshot } from '../xds/index.ts'

/**
 * What a proxy talks to. `everything`: a client that cannot subscribe on demand (state of the world) gets all virtual
 * hosts inline. `on-demand`: authorities that it asked for by VHDS (`reviews:9080`), lower case; only those and what they
 * need are sent.
 */
export type Interest =
  { readonly kind: 'everything' } | { readonly kind: 'on-demand'; readonly authorities: ReadonlySet<string> }

/** Input of one compilation. */
export interface CompileInput {
  readonly mesh: Mesh
  readonly workload: Workload
  readonly interest: Interest
}

/** Output of one compilation. */
export interface CompileResult {
  readonly snapshot: XdsSnapshot
  /** Fully qualified hosts whose services, workloads, routes or policies this result was made from: recompile when one of them changes. */
  readonly dependsOn: ReadonlySet<string>
  /** Things the user should know (a route to a subset that does not exist, a gateway not served), with their origin. */
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly origin: Origin }[]
}
