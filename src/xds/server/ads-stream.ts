import type { SnapshotUpdate, StreamState } from './contract.ts'

/** One ADS stream as a pure state machine; delta and state of the world differ only in their messages. */
export interface AdsStream<Request, Response> {
  /**
   * Takes in a request; `now` is wall-clock milliseconds.
   *
   * @returns Why the stream must be ended (INVALID_ARGUMENT); undefined when all is well.
   */
  readonly onRequest: (request: Request, now: number) => string | undefined
  readonly setSnapshot: (update: SnapshotUpdate) => void
  /** Responses to send now, in order. Call after `onRequest`, `setSnapshot` and `release`. */
  readonly take: () => Response[]
  /** Something waits for an acknowledgement of something else: start a timer and call `release` when it ends. */
  readonly waiting: () => boolean
  readonly release: () => void
  readonly state: () => StreamState
  /** Authorities asked for by VHDS, lower case. */
  readonly authorities: () => ReadonlySet<string>
}
