import { isLowerCaseToken } from './octets.ts'

/** What a field name means to the rules of messages. */
export const FieldKind = {
  /** No name that may stand in a message. */
  malformed: 0,
  /** A field that no rule is about. */
  regular: 1,
  host: 2,
  contentLength: 3,
  te: 4,
  method: 5,
  scheme: 6,
  authority: 7,
  path: 8,
  protocol: 9,
  status: 10,
} as const
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

/** Names that most messages have: one look-up is less than a look at each character. */
const usual: readonly string[] = [
  'accept',
  'accept-encoding',
  'accept-language',
  'accept-ranges',
  'access-control-allow-origin',
  'age',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expires',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-message',
  'grpc-status',
  'grpc-timeout',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'last-modified',
  'link',
  'location',
  'referer',
  'server',
  'set-cookie',
  'strict-transport-security',
  'traceparent',
  'tracestate',
  'user-agent',
  'vary',
  'via',
  'x-envoy-attempt-count',
  'x-envoy-upstream-service-time',
  'x-forwarded-client-cert',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-request-id',
]

const kinds: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ...usual.map((name) => [name, FieldKind.regular] as const),
  [':method', FieldKind.method],
  [':scheme', FieldKind.scheme],
  [':authority', FieldKind.authority],
  [':path', FieldKind.path],
  [':protocol', FieldKind.protocol],
  [':status', FieldKind.status],
  ['host', FieldKind.host],
  ['content-length', FieldKind.contentLength],
  ['te', FieldKind.te],
  // Of one connection only (RFC 9113 section 8.2.2).
  ['connection', FieldKind.malformed],
  ['proxy-connection', FieldKind.malformed],
  ['keep-alive', FieldKind.malformed],
  ['transfer-encoding', FieldKind.malformed],
  ['upgrade', FieldKind.malformed],
])

/** What a name means; unknown pseudo-fields, upper case and what is no token are `malformed`. */
export function kindOfField(name: string): FieldKind {
  return kinds.get(name) ?? (isLowerCaseToken(name) ? FieldKind.regular : FieldKind.malformed)
}
