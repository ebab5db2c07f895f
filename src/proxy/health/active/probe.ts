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

/** What of a check's request was taken by its connection, and how: octets, in so many writes; the first may have been refused. */
export interface SentCheck {
  readonly taken: number
  readonly writes: number
  readonly refused: boolean
}

/** Whom a check asks for. */
export interface ProbeTarget {
  readonly dial: ProbeDial
  /** True when a connection is over and provably nothing of what was sent reached anybody: then nothing was learned of the host. */
  readonly provesUnreached: (socket: StreamSocket, sent: SentCheck) => boolean
  /** Name for `Host` or `:authority`. */
  readonly authority: string
  readonly secure: boolean
  readonly reuseConnection: boolean
}
