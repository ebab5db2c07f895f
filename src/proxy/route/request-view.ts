import type { RequestView } from './decision.ts'

/** A request as plain values, for offline use (`explain`, `plan`, tests). */
export interface PlainRequest {
  /** `GET` by default. */
  readonly method?: string
  readonly authority: string
  /** With query and fragment, if any; taken as already normalised. */
  readonly path: string
  /** `http` by default. */
  readonly scheme?: 'http' | 'https'
  /** Any case; several values of one name are joined by `,` as every matcher sees them. */
  readonly headers?:
    Iterable<readonly [name: string, value: string]> | Readonly<Record<string, string | readonly string[]>>
}

/** Makes a plain request readable for `decide`. */
export function toRequestView(request: PlainRequest): RequestView {
  const headers = new Map<string, string>()
  for (const [name, value] of headerPairs(request.headers ?? [])) {
    const key = name.toLowerCase()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before},${value}`)
  }
  const target = request.path.split('#', 1)[0] ?? ''
  const mark = target.indexOf('?')
  return {
    method: request.method ?? 'GET',
    authority: request.authority,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    scheme: request.scheme ?? 'http',
    header: (name) => headers.get(name),
  }
}

function* headerPairs(headers: NonNullable<PlainRequest['headers']>): Generator<readonly [string, string]> {
  if (isIterable(headers)) {
    yield* headers
    return
  }
  for (const [name, values] of Object.entries(headers)) {
    for (const value of typeof values === 'string' ? [values] : values) yield [name, value]
  }
}

function isIterable(
  headers: NonNullable<PlainRequest['headers']>,
): headers is Iterable<readonly [name: string, value: string]> {
  return Symbol.iterator in headers
}
