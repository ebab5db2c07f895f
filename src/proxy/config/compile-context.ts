import { FaultList } from './fault-list.ts'

/** What compilation needs from outside; all of it may be left out. */
export interface CompileOptions {
  /**
   * Reads a file that a `filename` data source names, as text; throws when it cannot. Absent: such data sources are
   * refused (resources of a control plane must not make the proxy read files and serve their text).
   */
  readonly readFile?: ((path: string) => string) | undefined
  /** The same for certificates, keys and trust bundles of TLS contexts only, whose text never leaves the proxy; `readFile` by default. */
  readonly readTlsFile?: ((path: string) => string) | undefined
  /**
   * The cluster carries the proxy's own gRPC channel (ADS, SDS), not requests: explicit HTTP/2 options are right for it.
   */
  readonly controlChannel?: boolean | undefined
}

/** Carried through the compilation of one resource. */
export interface CompileContext {
  readonly faults: FaultList
  readonly options: CompileOptions
}

/** A context for one resource. */
export function createCompileContext(options: CompileOptions = {}): CompileContext {
  return { faults: new FaultList(), options }
}
