/**
 * A failure that a caller is expected to handle, with a stable code. Every code stands in `docs/errors.md`
 * (checked by `npm run check`). Codes are spelled `WEFT_<AREA>_<WHAT>`.
 */
export class MeshError extends Error {
  override readonly name: string = 'MeshError'
  readonly code: string

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
