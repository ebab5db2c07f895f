import type { Origin } from '../resources/index.ts'
import type { XdsType } from './names.ts'

/** One encoded resource; encoded once and shared by every proxy that gets it. */
export interface XdsResource {
  readonly typeUrl: XdsType
  readonly name: string
  /** Hash of `bytes`: equal versions mean equal bytes. */
  readonly version: string
  /** The serialized message (the value of the `Any`). */
  readonly bytes: Uint8Array
  /** The user's objects that shaped it, for NACK reports. */
  readonly origins: readonly Origin[]
}

/** Everything one proxy should hold, by type and name. */
export type XdsSnapshot = ReadonlyMap<XdsType, ReadonlyMap<string, XdsResource>>
