import type { SnapshotUpdate, StreamState } from './contract.ts'
import type { StreamCore } from './stream-core.ts'
import type { Outgoing, TypeState } from './type-state.ts'

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

/** What requests of both protocols have in common. */
interface AdsRequest {
  readonly typeUrl: string
  readonly responseNonce: string
  readonly errorDetail?: { readonly message: string } | undefined
}

/** What is a protocol's own. */
export interface AdsMessages<Request, Response> {
  /** Takes in what a request says of its subscription; the text says why it is refused. */
  readonly subscribe: (type: TypeState, request: Request) => string | undefined
  readonly toResponse: (outgoing: Outgoing) => Response
}

/** A stream of one protocol. */
export function createAdsStream<Request extends AdsRequest, Response>(
  core: StreamCore,
  { subscribe, toResponse }: AdsMessages<Request, Response>,
): AdsStream<Request, Response> {
  return {
    onRequest(request, now) {
      if (request.typeUrl === '') return 'Expected type_url in an aggregated request'
      const type = core.type(request.typeUrl)
      if (type === undefined) return 'Too many resource types on one stream'
      const fault = subscribe(type, request)
      if (fault !== undefined || request.responseNonce === '') return fault
      const message = request.errorDetail?.message
      core.settle(type, request.responseNonce, message === undefined ? undefined : { message, at: now })
      return undefined
    },
    setSnapshot: (update) => core.setSnapshot(update),
    take: () => core.take().map(toResponse),
    waiting: () => core.waiting,
    release: () => core.release(),
    state: () => core.state(),
    authorities: () => core.authorities(),
  }
}
