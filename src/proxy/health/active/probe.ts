import type { SocketOwner, StreamSocket } from '../../../net/index.ts'

/** One kind of check against one host. Its outcome goes to the callback that it was made with, once for each `start` unless `abort` comes before. */
export interface Probe {
  readonly start: () => void
  /** Ends the check that is on its way, and its connection with it; nothing is reported. */
  readonly abort: () => void
  /** As `abort`, for good. */
  readonly close: () => void
}

/**
 * Opens a connection to a host for a check, over TLS where the cluster speaks TLS. Undefined: it cannot be tried now (no file
 * descriptor is left, a secret is missing). Otherwise `done` is called once, later; undefined when no connection could be had.
 */
export type ProbeDial = (
  owner: SocketOwner,
  done: (socket: StreamSocket | undefined) => void,
) => { readonly cancel: () => void } | undefined

/** Whom a check asks for. */
export interface ProbeTarget {
  readonly dial: ProbeDial
  /** Name for `Host` or `:authority`. */
  readonly authority: string
  readonly secure: boolean
  readonly reuseConnection: boolean
}
