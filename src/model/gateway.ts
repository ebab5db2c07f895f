import type { Origin } from '../resources/index.ts'

/** A gateway that was accepted and is served by a later version; kept so that routes bound to it can be reported. */
export interface Gateway {
  readonly namespace: string
  readonly name: string
  readonly origin: Origin
}
