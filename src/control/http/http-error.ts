import { z } from 'zod'
import { MeshError } from '../../base/index.ts'
import type { ErrorResponse } from '../rest/index.ts'

/** A request that is answered with an error: status, body and headers of the answer. */
export class HttpError extends MeshError {
  override readonly name = 'HttpError'
  readonly status: number
  readonly diagnostics: ErrorResponse['diagnostics']
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    extra: { readonly diagnostics?: ErrorResponse['diagnostics']; readonly headers?: Record<string, string> } = {},
  ) {
    super(code, message)
    this.status = status
    this.diagnostics = extra.diagnostics
    this.headers = extra.headers ?? {}
  }
}

/** Statuses of expected failures by code; what is not here is an internal error. */
const statusOfCode: ReadonlyMap<string, number> = new Map([
  ['WEFT_CONTROL_NOT_FOUND', 404],
  ['WEFT_STORE_CONFLICT', 409],
  ['WEFT_STORE_INVALID', 422],
  ['WEFT_STORE_CLOSED', 503],
  ['WEFT_CA_CSR', 400],
  ['WEFT_CA_IDENTITY', 400],
  ['WEFT_CA_JOIN_TOKEN', 403],
  ['WEFT_CA_TOO_MANY_TOKENS', 429],
  ['WEFT_CA_ROOT_EXPIRED', 503],
])

/**
 * The answer to a failed request. The one place where errors become HTTP: causes and what nobody expected go to `log`,
 * never to the peer.
 */
export function toErrorAnswer(
  cause: unknown,
  log: (line: string) => void,
): { readonly status: number; readonly body: ErrorResponse; readonly headers: Readonly<Record<string, string>> } {
  if (cause instanceof HttpError) {
    const { status, code, message, diagnostics, headers } = cause
    return { status, body: { code, message, ...(diagnostics === undefined ? {} : { diagnostics }) }, headers }
  }
  const status = cause instanceof MeshError ? statusOfCode.get(cause.code) : undefined
  if (cause instanceof MeshError && status !== undefined) {
    return { status, body: { code: cause.code, message: cause.message }, headers: {} }
  }
  log(`REST request failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`)
  const message = 'The control plane failed on this request; its log says why'
  return { status: 500, body: { code: 'WEFT_CONTROL_INTERNAL', message }, headers: {} }
}

/** Checks a value of the request against its schema. */
export function parseRequest<Value>(schema: z.ZodType<Value>, value: unknown, what: string): Value {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new HttpError(400, 'WEFT_CONTROL_REQUEST', `Malformed ${what}: ${z.prettifyError(parsed.error)}`)
}
