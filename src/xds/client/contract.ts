/** A resource as it came, not yet decoded. */
export interface ReceivedResource {
  readonly typeUrl: string
  readonly name: string
  /** The server's; of a state-of-the-world server a hash of the bytes. */
  readonly version: string
  readonly bytes: Uint8Array
}

/** What one response changes. */
export interface ReceivedUpdate {
  readonly typeUrl: string
  readonly resources: readonly ReceivedResource[]
  /** Gone, or asked for and not existing. */
  readonly removed: readonly string[]
}

/** Why one resource of an update is refused; the others of the update stand. */
export interface ResourceFault {
  readonly name: string
  /** `<field path>: <what is wrong>`. */
  readonly message: string
}

/** Takes an update in and answers which resources it refuses; empty: all stand. Must not throw. */
export type ApplyUpdate = (update: ReceivedUpdate) => readonly ResourceFault[]

/** The client's end of one ADS stream as a pure state machine, alive over reconnects. */
export interface AdsProtocol<Request, Response> {
  /** The protocol can ask for virtual hosts one by one. */
  readonly onDemand: boolean
  /** Names to hold from now on; a name that is held already is asked for anew and will be answered again. `*` is everything. */
  readonly subscribe: (typeUrl: string, names: readonly string[]) => void
  readonly unsubscribe: (typeUrl: string, names: readonly string[]) => void
  /** Versions held from before (a restart): the server is told and sends only differences. Call before the first stream. */
  readonly restore: (typeUrl: string, versions: ReadonlyMap<string, string>) => void
  /** A new stream begins: what was in flight is forgotten, subscriptions and versions live on. */
  readonly onOpen: () => void
  readonly onResponse: (response: Response, apply: ApplyUpdate) => void
  /** Requests to send now, in order; the first of a stream carries the node. */
  readonly take: () => Request[]
}
