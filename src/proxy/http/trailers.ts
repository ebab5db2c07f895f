import { FieldId, FieldTable, Head, type HeadWriter, scanFields } from '../../wire/http1/index.ts'

/** Fields that frame, route, authenticate, describe or vouch for a message: they come before the body or not at all (RFC 9110 section 6.5.1). */
const forbidden = [
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'forwarded',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'vary',
  'www-authenticate',
  'x-envoy-internal',
  'x-envoy-original-path',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-forwarded-client-cert',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
]

const table = new FieldTable(forbidden)

/** Every name that the table knows, the codec's own among them. */
const dropped = new Uint8Array(FieldId.extra + forbidden.length).fill(1, FieldId.host)

/** Writes trailer lines anew, without those that may not be trailers; a section that is not well formed is left out whole. */
export function writeTrailers(writer: HeadWriter, lines: Buffer, maxFields: number): void {
  const head = scanTrailers(lines, maxFields)
  if (head !== undefined) writer.fields(head, dropped)
}

/** The same for HTTP/2: names in lower case, values as they came. */
export function trailerFields(
  lines: Buffer,
  maxFields: number,
): { readonly names: readonly string[]; readonly values: readonly string[] } {
  const names: string[] = []
  const values: string[] = []
  const head = scanTrailers(lines, maxFields)
  if (head === undefined) return { names, values }
  for (let index = 0; index < head.count; index += 1) {
    if (dropped[head.ids[index] ?? 0] === 1) continue
    names.push(head.name(index).toLowerCase())
    values.push(head.value(index))
  }
  return { names, values }
}

function scanTrailers(lines: Buffer, maxFields: number): Head | undefined {
  const head = new Head(table, { headBytes: lines.length, fieldCount: maxFields, fieldBytes: lines.length })
  head.bytes = lines
  return scanFields(head, lines, lines.length) === lines.length ? head : undefined
}

/** True when the values of `TE` say that trailers are welcome; the other tokens are between us and the sender (RFC 9110 section 10.1.4). */
export function acceptsTrailers(te: string): boolean {
  if (te === 'trailers') return true
  return te.split(',').some((member) => member.split(';', 1)[0]?.trim().toLowerCase() === 'trailers')
}
