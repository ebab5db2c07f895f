import { MeshError } from '../base/index.ts'

/** Why no certificate was issued; the message may be shown to the requester, the cause may not. */
export class CaError extends MeshError {
  override readonly name = 'CaError'
}
