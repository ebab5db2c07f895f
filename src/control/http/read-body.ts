import { HttpError } from './http-error.ts'

/**
 * Reads a JSON body of at most `limit` bytes; no more than that is ever held, whatever the peer announces.
 *
 * @throws {HttpError} 413 if it is longer, 400 if it is not JSON, 415 if it says that it is something else.
 */
export async function readJsonBody(request: Request, limit: number): Promise<unknown> {
  const type = request.headers.get('content-type')
  if (type !== null && !/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new HttpError(
      415,
      'WEFT_CONTROL_REQUEST',
      `Expected a body of type application/json, got ${type.slice(0, 100)}`,
    )
  }
  const bytes = await readBytes(request, limit)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new HttpError(400, 'WEFT_CONTROL_REQUEST', 'Expected a JSON body in UTF-8')
  }
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = (): HttpError =>
    new HttpError(413, 'WEFT_CONTROL_TOO_LARGE', `Expected a body of at most ${limit} bytes`, {
      headers: { connection: 'close' },
    })
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge()
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of request.body ?? []) {
    length += part.length
    if (length > limit) throw tooLarge()
    parts.push(part)
  }
  return Buffer.concat(parts)
}
