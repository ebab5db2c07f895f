/** How a field is written. */
export const Indexing = {
  /** Put into the dynamic table, so that the next one like it takes one octet. */
  incremental: 0,
  /** Written out, table untouched: its value hardly comes again. */
  without: 1,
  /** Written out, and marked so that no later hop indexes it (RFC 7541 section 7.1.3). */
  never: 2,
} as const
export type Indexing = (typeof Indexing)[keyof typeof Indexing]

/** Values that differ from message to message, and would only push useful entries out of the table. */
const changing: ReadonlySet<string> = new Set([
  ':path',
  'age',
  'b3',
  'content-length',
  'content-range',
  'etag',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'last-modified',
  'location',
  'range',
  'traceparent',
  'tracestate',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-envoy-upstream-service-time',
  'x-request-id',
])

/** Secrets: on a connection that carries requests of many clients, a guess that fits would show in the size of the block. */
const secret: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'set-cookie'])

/** A shorter cookie can be guessed (RFC 7541 section 7.1.3). */
const guessableCookie = 20

/** How a field is written when its sender said nothing of it. */
export function indexingOf(name: string, value: string): Indexing {
  if (changing.has(name)) return Indexing.without
  if (secret.has(name) || (name === 'cookie' && value.length < guessableCookie)) return Indexing.never
  return Indexing.incremental
}
